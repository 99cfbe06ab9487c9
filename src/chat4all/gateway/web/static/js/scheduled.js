/** What one has scheduled: the server keeps it, this page shows it beside the conversation that it is for. */

import * as api from "./api.js";
import { store } from "./store.js";

const SETTLE_MS = 5_000; // after its time a message is sent, or has failed
const LOOK_AGAIN_MS = 15 * 60_000; // another device of ours may have scheduled something
const SEEN = "chat4all.failed-seen";
const set = (values) => store.dispatch({ type: "set", values });

let timer = null;

/** Load what waits and what could not be sent, and look again when the next one is due. */
export async function loadScheduled() {
  const { me } = store.get();
  const [scheduled, failed] = await Promise.all([api.scheduledMessages("scheduled"), api.scheduledMessages("failed")]);
  if (store.get().me?.id !== me?.id) return; // somebody else sits here by now
  const seen = new Set(seenFailures());
  set({ scheduled, unsent: failed.filter((item) => !seen.has(item.message_id)) });
  lookAgain(scheduled[0]);
}

export function forgetScheduling() {
  clearTimeout(timer);
}

function lookAgain(next) {
  clearTimeout(timer);
  const due = next ? Date.parse(next.send_at) - Date.now() + SETTLE_MS : Infinity;
  timer = setTimeout(() => loadScheduled().catch(() => lookAgain()), Math.min(LOOK_AGAIN_MS, Math.max(SETTLE_MS, due)));
}

/** Show a message as it is kept now. */
export function keepScheduled(message) {
  const others = store.get().scheduled.filter((item) => item.message_id !== message.message_id);
  const scheduled = [...others, message].sort((a, b) => Date.parse(a.send_at) - Date.parse(b.send_at));
  set({ scheduled });
  lookAgain(scheduled[0]);
}

/** It was sent, or is not to be. */
export function dropScheduled(messageId) {
  const { scheduled } = store.get();
  if (scheduled.some((item) => item.message_id === messageId)) {
    set({ scheduled: scheduled.filter((item) => item.message_id !== messageId) });
  }
}

/** The reader has seen that it could not be sent; this browser does not show it again. */
export function dismissUnsent(messageId) {
  const unsent = store.get().unsent.filter((item) => item.message_id !== messageId);
  localStorage.setItem(SEEN, JSON.stringify([...seenFailures(), messageId].slice(-1_000)));
  set({ unsent });
}

function seenFailures() {
  try {
    const seen = JSON.parse(localStorage.getItem(SEEN) ?? "[]");
    return Array.isArray(seen) ? seen : [];
  } catch {
    return [];
  }
}

// --- times, on the clock of this browser -----------------------------------------------------------------------------

const MINUTE_MS = 60_000;
const FARTHEST_DAYS = 365;

export const inOneHour = (now = new Date()) => new Date(Math.ceil(now / MINUTE_MS) * MINUTE_MS + 60 * MINUTE_MS);

export const tomorrowMorning = (now = new Date()) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 9);

/** The latest time that is taken. */
export const farthest = (now = new Date()) => new Date(now.getTime() + FARTHEST_DAYS * 24 * 60 * MINUTE_MS);

/** The value of a date-time field that shows `at`. */
export function fieldValue(at) {
  const two = (number) => String(number).padStart(2, "0");
  const date = [String(at.getFullYear()).padStart(4, "0"), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

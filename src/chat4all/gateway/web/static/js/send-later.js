/** Scheduling, changing and cancelling. What came of it is seen in the list, and told to who does not see it. */

import * as api from "./api.js";
import { momentOf, t } from "./i18n.js";
import { newId } from "./ids.js";
import { dropScheduled, keepScheduled, loadScheduled, ownZone } from "./scheduled.js";
import { store } from "./store.js";

const begun = new Map(); // what was asked for and not answered yet: the same once more is no second message

/** Have a text sent at a time. Throws what the server says against it. */
export async function scheduleText(conversationId, text, at, replyToId) {
  const wanted = { conversation_id: conversationId, payload: { type: "text", text }, ...timeOf(at) };
  if (replyToId) wanted.reply_to = replyToId;
  const key = JSON.stringify(wanted);
  if (!begun.has(key)) begun.set(key, newId());
  const made = await api.scheduleMessage({ message_id: begun.get(key), ...wanted });
  begun.delete(key);
  keepScheduled(made);
  announce(t("later.done", { time: momentOf(made.send_at) }));
}

/** Change what is sent, when, or both. @param {{text?: string, at?: Date}} changes */
export async function changeScheduled(message, { text, at }) {
  const { payload } = message;
  const written = payload.type === "text" ? { type: "text", text } : { ...payload, caption: text };
  const body = { ...(text !== undefined && { payload: written }), ...(at && timeOf(at)) };
  const changed = await orReload(() => api.changeScheduled(message.message_id, body));
  keepScheduled(changed);
  announce(t("later.changed", { time: momentOf(changed.send_at) }));
}

export async function cancelScheduled(message) {
  await orReload(() => api.cancelScheduled(message.message_id));
  dropScheduled(message.message_id);
  announce(t("later.cancelled"));
}

/** What the server refuses is not as it is shown: it may have gone out meanwhile. */
async function orReload(work) {
  try {
    return await work();
  } catch (error) {
    if (!error.isTemporary) loadScheduled().catch(console.warn);
    throw error;
  }
}

const announce = (announcement) => store.dispatch({ type: "set", values: { announcement } });

function timeOf(at) {
  const zone = ownZone();
  return { send_at: at.toISOString(), ...(zone && { time_zone: zone }) };
}

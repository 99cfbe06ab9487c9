/** Session windows: when nothing but an approved message reaches anybody in a conversation. */

import * as api from "./api.js";
import { useEffect, useState } from "./preact.js";
import { store, useSelect } from "./store.js";

const CLOSED = "session_window_closed";
const LONGEST_MS = 2 ** 31 - 1; // a timer cannot wait longer

/**
 * What to send instead of a text, null where a text reaches somebody.
 * @returns {{channels: string[], templates: object[]} | null}
 */
export function useClosedWindow(conversationId) {
  const [closed, setClosed] = useState(null);
  const [again, setAgain] = useState(0);
  const mayClose = useSelect((state) => hasOnlyContacts(state, conversationId));
  const heard = useSelect((state) => lastHeard(state, conversationId));
  const refused = useSelect((state) => countRefused(state, conversationId));

  useEffect(() => {
    if (!mayClose) {
      setClosed(null);
      return undefined;
    }
    let isGone = false;
    let timer = null;
    api.planText(conversationId).then(
      ({ recipients }) => {
        if (isGone) return;
        const steps = recipients.flatMap(({ channels, fallbacks }) => [...channels, ...fallbacks]);
        setClosed(closedBy(steps));
        const closesIn = Math.min(...steps.filter(({ window }) => window?.open).map(({ window }) => new Date(window.until) - Date.now()));
        if (closesIn < LONGEST_MS) timer = setTimeout(() => setAgain((count) => count + 1), Math.max(closesIn, 0) + 500);
      },
      (error) => console.warn("how to reach them is not known:", error.message),
    );
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [conversationId, mayClose, heard, refused, again]);
  return closed;
}

function closedBy(steps) {
  if (!steps.length || steps.some(({ blocked }) => blocked !== CLOSED)) return null;
  const templates = new Map(steps.flatMap((step) => step.templates).map((one) => [`${one.name} ${one.language}`, one]));
  return { channels: [...new Set(steps.map(({ channel }) => channel))], templates: [...templates.values()] };
}

/** Somebody with an app gets every message there. */
function hasOnlyContacts(state, conversationId) {
  const others = state.conversations[conversationId]?.members.filter((member) => member.user_id !== state.me.id) ?? [];
  return others.length > 0 && others.every(({ kind, channels }) => kind === "contact" && channels?.length);
}

function lastHeard(state, conversationId) {
  const last = state.conversations[conversationId]?.last_message;
  return last && last.from !== state.me.id ? last.seq : 0;
}

const countRefused = (state, conversationId) =>
  state.outbox.filter(({ message, error }) => message.conversation_id === conversationId && error?.code === CLOSED).length;

/** Lists of messages: ordered by seq, each id once. Pure functions. */

import { forward, nextReceipt } from "./receipts.js";

/** Put `incoming` into `list`; what is already there is brought up to date, not repeated. */
export function mergeMessages(list, incoming) {
  const byId = new Map(list.map((message) => [message.message_id, message]));
  for (const message of incoming) {
    byId.set(message.message_id, mergeMessage(byId.get(message.message_id), message));
  }
  return [...byId.values()].sort((a, b) => a.seq - b.seq);
}

/** A message known already, met again: the later edit, a deletion and the further status win. */
export function mergeMessage(known, fresh) {
  if (!known) return fresh;
  const merged = { ...known, ...fresh, status: forward(known.status, fresh.status) };
  const knownIsLater = known.deleted_at || (known.edited_at ?? "") > (fresh.edited_at ?? "");
  if (knownIsLater && !fresh.deleted_at) {
    Object.assign(merged, { payload: known.payload, edited_at: known.edited_at, deleted_at: known.deleted_at });
  }
  return merged;
}

/** Change the message with this id, when it is in the list. */
export function changeMessage(list, messageId, change) {
  const index = list.findIndex((message) => message.message_id === messageId);
  if (index < 0) return list;
  const changed = change(list[index]);
  return changed === list[index] ? list : list.with?.(index, changed) ?? list.map((m, i) => (i === index ? changed : m));
}

export const asDeleted = (message, at) => ({ ...message, payload: null, reactions: [], deleted_at: at });

export function withReceipt(message, report) {
  const known = message.receipts?.[report.user_id];
  const receipt = nextReceipt(known, report);
  if (receipt === known) return message;
  return { ...message, receipts: { ...message.receipts, [report.user_id]: receipt } };
}

export function withReaction(message, { emoji, user_id: userId, removed }) {
  const reactions = message.reactions ?? [];
  const others = reactions.filter((reaction) => reaction.emoji !== emoji);
  const known = reactions.find((reaction) => reaction.emoji === emoji)?.user_ids ?? [];
  if (known.includes(userId) === !removed) return message;
  const userIds = removed ? known.filter((id) => id !== userId) : [...known, userId];
  if (!userIds.length) return { ...message, reactions: others };
  if (!known.length) return { ...message, reactions: [...others, { emoji, user_ids: userIds }] };
  return {
    ...message,
    reactions: reactions.map((reaction) => (reaction.emoji === emoji ? { emoji, user_ids: userIds } : reaction)),
  };
}

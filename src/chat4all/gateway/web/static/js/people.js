/** Who is who in the state: names, titles, the other one of a private conversation. */

import { t } from "./i18n.js";

export function nameOf(state, userId) {
  if (userId === state.me?.id) return t("message.you");
  const known = state.users[userId];
  return known?.display_name || known?.username || "…";
}

/** The other member of a private conversation, undefined in a group. */
export function counterpartOf(state, conversation) {
  if (conversation?.type !== "private") return undefined;
  return conversation.members.find((member) => member.user_id !== state.me.id) ?? conversation.members[0];
}

export function titleOf(state, conversation) {
  const other = counterpartOf(state, conversation);
  if (other) return other.user_id === state.me.id ? state.me.display_name : nameOf(state, other.user_id);
  if (conversation.name) return conversation.name;
  const names = conversation.members.filter((member) => member.user_id !== state.me.id);
  return names.map((member) => nameOf(state, member.user_id)).join(", ") || t("group.unnamed");
}

/** The platforms that reach a conversation's other members, each once; none for people who only use the app. */
export function channelsOf(state, conversation) {
  const others = conversation.members.filter((member) => member.user_id !== state.me.id);
  const platforms = others.flatMap((member) => state.users[member.user_id]?.channels ?? []);
  return [...new Set(platforms.map((item) => item.platform ?? item))].filter((platform) => platform !== "app");
}

/** What the members of a conversation tell about users, in the shape of a user. */
export function usersIn(conversations) {
  return conversations
    .flatMap((conversation) => conversation.members ?? [])
    .filter((member) => member.display_name)
    .map(({ user_id: id, display_name, kind, channels }) => ({ id, display_name, kind, channels }));
}

/** Conversations, the one with the latest message first. */
export function inOrder(conversations) {
  const at = (conversation) => conversation.last_message?.created_at ?? conversation.created_at ?? "";
  return Object.values(conversations).sort((a, b) => at(b).localeCompare(at(a)));
}

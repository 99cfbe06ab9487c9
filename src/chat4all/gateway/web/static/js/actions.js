/** What the reader can do. Each shows its effect at once where that is safe, and takes it back when the server refuses. */

import * as api from "./api.js";
import {
  currentOutbox,
  loadAround,
  loadConversation,
  loadConversations,
  loadPage,
  sendFrame,
} from "./client.js";
import { errorText, t } from "./i18n.js";
import { newId } from "./ids.js";
import { ownCursor } from "./reducer.js";
import { store } from "./store.js";
import { filled } from "./text.js";

const TYPING_EVERY_MS = 3_000;
const NOTICE_MS = 5_000;
const { dispatch } = store;
const set = (values) => dispatch({ type: "set", values });

let noticeTimer = null;

/** Show a short text at the bottom of the screen for some seconds. */
export function notify(text) {
  clearTimeout(noticeTimer);
  set({ notice: text, announcement: text });
  noticeTimer = setTimeout(() => set({ notice: null }), NOTICE_MS);
}

/** Do `work`; when it fails, tell so. Returns its result, undefined after a failure. */
export async function orTell(work) {
  try {
    return await work();
  } catch (error) {
    notify(errorText(error));
    return undefined;
  }
}

// --- moving around ---------------------------------------------------------------------------------------------------

/** The address bar names the open conversation, so that going back and reloading do what one expects. */
export function openConversation(conversationId) {
  location.hash = conversationId ? `/c/${conversationId}` : "/";
  return showAddressed();
}

/** Show the conversation that the address bar names. */
export async function showAddressed() {
  const conversationId = decodeURIComponent(location.hash.match(/^#\/c\/([^/]+)/)?.[1] ?? "") || null;
  const state = store.get();
  if (state.phase !== "ready") return;
  if (conversationId && !state.conversations[conversationId]) {
    const found = await orTell(() => loadConversation(conversationId));
    if (!found) {
      await openConversation(null);
      return;
    }
  }
  if (state.activeId !== conversationId) dispatch({ type: "opened", conversationId });
  set({ pane: conversationId ? "thread" : "list" });
  if (conversationId && !store.get().threads[conversationId]?.isLoaded) await loadMore(conversationId, "end");
}

const loading = new Set();

/** Load more of a thread in one direction; a second call while the first runs does nothing. */
export async function loadMore(conversationId, where) {
  const key = `${where} ${conversationId}`;
  if (loading.has(key)) return;
  loading.add(key);
  await orTell(() => loadPage(conversationId, where));
  loading.delete(key);
}

/** Bring a message into view, wherever in the history it is. */
export async function jumpTo(conversationId, messageId, seq) {
  await openConversation(conversationId);
  const isLoaded = () => store.get().threads[conversationId]?.messages.some((item) => item.message_id === messageId);
  if (!isLoaded()) {
    const place = seq ?? (await orTell(() => api.message(messageId)))?.seq;
    if (!place) return;
    await orTell(() => loadAround(conversationId, place));
  }
  set({ focusId: messageId });
}

export async function jumpToEnd(conversationId) {
  dispatch({ type: "threadForgotten", conversationId });
  await loadMore(conversationId, "end");
}

export const showList = () => set({ pane: "list" });
export const openDialog = (name, props = {}) => set({ dialog: { name, ...props } });
export const closeDialog = () => set({ dialog: null });
export const setSearch = (search) => set({ search: { ...store.get().search, ...search } });

// --- reading ---------------------------------------------------------------------------------------------------------

/** Everything that is on the screen has been read. */
export function markRead(conversationId) {
  const state = store.get();
  const thread = state.threads[conversationId];
  const seq = thread?.messages.at(-1)?.seq ?? 0;
  const conversation = state.conversations[conversationId];
  const read = ownCursor(state, conversation)?.last_read_seq ?? 0;
  if (thread?.hasNewer || (seq <= read && !conversation?.unread_count)) return;
  const frame = { type: "read", conversation_id: conversationId, up_to_seq: seq };
  if (seq && sendFrame(frame)) dispatch({ type: "read", conversationId, seq });
}

// --- writing ---------------------------------------------------------------------------------------------------------

export const replyTo = (message) => set({ compose: { replyTo: message } });
export const startEdit = (message) => set({ compose: { editing: message } });
export const cancelCompose = () => set({ compose: {} });

export const sendText = (conversationId, text, replyToId) => send(conversationId, { type: "text", text }, replyToId);

/** Send an approved template with words in its places; its text is shown until the server has made its own. */
export function sendTemplate(conversationId, template, words) {
  const { name, language } = template;
  send(conversationId, { type: "template", name, language, parameters: words, text: filled(template, words) });
}

function send(conversationId, payload, replyToId) {
  const message = { message_id: newId(), conversation_id: conversationId, payload };
  if (replyToId) message.reply_to = replyToId;
  if (store.get().threads[conversationId]?.hasNewer) jumpToEnd(conversationId);
  currentOutbox().add(message);
  set({ compose: {} });
}

export const retrySend = (messageId) => currentOutbox().retry(messageId);
export const discardSend = (messageId) => currentOutbox().discard(messageId);

let typingSentAt = 0;

export function tellTyping(conversationId) {
  if (Date.now() - typingSentAt < TYPING_EVERY_MS) return;
  typingSentAt = Date.now();
  sendFrame({ type: "typing", conversation_id: conversationId });
}

export async function saveEdit(message, text) {
  set({ compose: {} });
  // the server's own time of the edit, which follows, is later than the one used here
  const payload = message.payload.type === "text" ? { type: "text", text } : { ...message.payload, caption: text };
  await changing(message, { ...message, payload, edited_at: message.edited_at ?? message.created_at }, () =>
    api.editMessage(message.message_id, payload),
  );
}

export async function deleteMessage(message, whom) {
  const { conversation_id: conversationId, message_id: messageId } = message;
  const done = await orTell(async () => {
    await api.deleteMessage(messageId, whom);
    return true;
  });
  if (!done) return;
  if (whom === "me") dispatch({ type: "hidden", conversationId, messageId });
  else dispatch({ type: "deleted", conversationId, messageId, at: new Date().toISOString() });
}

export async function toggleReaction(message, emoji) {
  const { me } = store.get();
  const mine = message.reactions?.find((reaction) => reaction.emoji === emoji)?.user_ids.includes(me.id);
  const base = { conversation_id: message.conversation_id, message_id: message.message_id, emoji, user_id: me.id };
  const show = (removed) => dispatch({ type: "reaction", reaction: { ...base, removed } });
  show(Boolean(mine));
  try {
    await (mine ? api.removeReaction : api.addReaction)(message.message_id, emoji);
  } catch (error) {
    show(!mine);
    notify(errorText(error));
  }
}

export async function copyText(text) {
  await navigator.clipboard?.writeText(text);
  notify(t("action.copied"));
}

/** Show a changed message at once; when the server refuses, show again what it has. */
async function changing(message, changed, work) {
  dispatch({ type: "edited", message: changed });
  try {
    await work();
  } catch (error) {
    dispatch({ type: "restored", message });
    notify(errorText(error));
  }
}

// --- people and groups -----------------------------------------------------------------------------------------------

export async function startPrivate(user) {
  dispatch({ type: "usersLoaded", users: [user] });
  return enter(await api.createConversation({ type: "private", member_ids: [user.id] }));
}

export async function createContact(name, platform, externalId) {
  const contact = await api.createContact(name, [{ platform, external_id: externalId }]);
  return startPrivate(contact);
}

export async function createGroup(name, memberIds) {
  return enter(await api.createConversation({ type: "group", name, member_ids: memberIds }));
}

async function enter(conversation) {
  await loadConversation(conversation.id);
  closeDialog();
  setSearch({ query: "", conversationId: null });
  await openConversation(conversation.id);
  return conversation;
}

/** Do a change to a group, then show the group as it is now. */
export async function changeGroup(conversationId, change) {
  await change();
  await loadConversation(conversationId);
}

export async function leaveGroup(conversationId) {
  await api.leave(conversationId);
  closeDialog();
  await openConversation(null);
  await loadConversations();
}

export async function rename(displayName) {
  const me = await api.updateMe({ display_name: displayName });
  set({ me });
  dispatch({ type: "usersLoaded", users: [me] });
}

/** The people one could start a chat with: contacts and users whose name fits. */
export async function findPeople(query) {
  const [contacts, found] = await Promise.all([
    api.contacts().catch(() => []),
    query ? api.findUsers(query) : { items: [] },
  ]);
  const wanted = query.toLocaleLowerCase();
  const fits = (user) => (user.display_name ?? user.username ?? "").toLocaleLowerCase().includes(wanted);
  const { me } = store.get();
  const byId = new Map([...contacts.filter(fits), ...found.items].map((user) => [user.id, user]));
  byId.delete(me.id);
  return [...byId.values()];
}

/** The life of a signed-in client: loads what is there, then follows what happens. */

import * as api from "./api.js";
import { forgetContent, keepThumbnail } from "./files/content.js";
import { forgetFiles, learnFile } from "./files/known.js";
import { UploadStorage } from "./files/upload-storage.js";
import { Uploads } from "./files/uploads.js";
import { t } from "./i18n.js";
import { Outbox, OutboxStorage } from "./outbox.js";
import { nameOf, usersIn } from "./people.js";
import { dropScheduled, forgetScheduling, loadScheduled } from "./scheduled.js";
import { freshToken, onSessionEnd } from "./session.js";
import { Socket } from "./socket.js";
import { store } from "./store.js";
import { snippetOf } from "./text.js";

const PAGE = 50;
const TYPING_MS = 5_000;
const PLACE_MS = 3_000;
const AWAY_MS = 60_000;
const MOST_PRESENCES = 100; // that one call may ask for

const { dispatch } = store;
const asked = new Set(); // users that are being looked up
const delivered = new Map(); // of each conversation, up to where we said that messages have come
let outbox = null;
let uploads = null;
let socket = null;
let awayTimer = null;

/** Load the account and go live. Without a session, show the sign-in page. */
export async function startClient() {
  dispatch({ type: "set", values: { phase: "loading", notice: null } });
  const me = await api.me();
  dispatch({ type: "set", values: { me } });
  outbox = new Outbox({
    storage: new OutboxStorage(localStorage, me.id),
    transmit: (frame) => socket?.send(frame) ?? false,
    onChange: (entries) => dispatch({ type: "set", values: { outbox: entries } }),
  });
  uploads = new Uploads({
    storage: new UploadStorage(me.id),
    api,
    deliver: sendFileMessage,
    onChange: (entries) => dispatch({ type: "set", values: { uploads: entries } }),
  });
  socket = new Socket({ token: liveToken, onFrame: onFrame, onState: onConnection });
  await loadConversations();
  dispatch({ type: "set", values: { phase: "ready" } });
  socket.start();
  uploads.restore();
  document.addEventListener("visibilitychange", tellPresence);
}

export function stopClient() {
  document.removeEventListener("visibilitychange", tellPresence);
  socket?.stop();
  outbox?.disconnected();
  uploads?.stop();
  forgetScheduling();
  socket = null;
  outbox = null;
  uploads = null;
  asked.clear();
  delivered.clear();
  forgetFiles();
  forgetContent();
  dispatch({ type: "signedOut" });
}

onSessionEnd(() => {
  if (store.get().phase !== "ready") return;
  stopClient();
  dispatch({ type: "set", values: { notice: t("auth.ended") } });
});

export const currentOutbox = () => outbox;
export const currentUploads = () => uploads;

/** The bytes of a message are there: it takes its place among those to be sent. */
function sendFileMessage(message, file) {
  const blob = uploads.blobOf(message.message_id);
  if (blob && message.payload.type === "image") keepThumbnail(file.id, blob);
  learnFile(file);
  if (!outbox.entries.some((entry) => entry.message.message_id === message.message_id)) outbox.add(message);
}

/** @returns {boolean} whether the frame went out */
export const sendFrame = (frame) => socket?.send(frame) ?? false;

/** After a refused handshake, a call tells whether the token is still good, and gets a new one when it is not. */
async function liveToken(attempt) {
  if (attempt > 0) await api.me();
  return freshToken();
}

export async function loadConversations() {
  const conversations = await api.conversations();
  learn(conversations);
  dispatch({ type: "conversationsLoaded", conversations });
  loadPresence(conversations);
}

export async function loadConversation(conversationId) {
  try {
    const conversation = await api.conversation(conversationId);
    learn([conversation]);
    dispatch({ type: "conversationLoaded", conversation });
    loadPresence([conversation]);
    return conversation;
  } catch (error) {
    if (error.status !== 403 && error.status !== 404) throw error;
    dispatch({ type: "conversationGone", conversationId });
    return null;
  }
}

function learn(conversations) {
  dispatch({ type: "usersLoaded", users: usersIn(conversations) });
  for (const conversation of conversations) {
    for (const { user_id: userId } of conversation.members) ensureUser(userId);
    cameWith(conversation);
  }
}

/** Look somebody up whom no conversation has introduced. */
export async function ensureUser(userId) {
  if (store.get().users[userId] || asked.has(userId)) return;
  asked.add(userId);
  try {
    dispatch({ type: "usersLoaded", users: [await api.user(userId)] });
  } catch {
    asked.delete(userId); // asked again with the next message
  }
}

async function loadPresence(conversations) {
  const people = conversations.flatMap(({ members }) => members).filter((member) => member.kind !== "contact");
  const userIds = [...new Set(people.map((member) => member.user_id))];
  for (let from = 0; from < userIds.length; from += MOST_PRESENCES) {
    const { items } = await api.presence(userIds.slice(from, from + MOST_PRESENCES)).catch(() => ({ items: [] }));
    dispatch({ type: "presence", presence: Object.fromEntries(items.map((item) => [item.user_id, item.status])) });
  }
}

/** Load a part of a conversation's history: its newest page, or the one before or after what is there. */
export async function loadPage(conversationId, where) {
  const { messages } = store.get().threads[conversationId] ?? { messages: [] };
  const page = await fetchPage(conversationId, where, messages);
  const items = page.items ?? [];
  const hasNewer = where === "newer" && items.length === PAGE;
  dispatch({
    type: "pageLoaded",
    conversationId,
    messages: items,
    where,
    hasOlder: where !== "newer" && (items[0]?.seq ?? 1) > 1,
    hasNewer,
  });
  for (const message of items) met(message);
  const isEnd = where === "end" || (where === "newer" && items.length > 0 && !hasNewer);
  if (isEnd && cameMeanwhile(conversationId)) await catchUp(conversationId);
}

/** Whether a message came live while a page was on its way that did not have it yet. */
function cameMeanwhile(conversationId) {
  const { conversations, threads } = store.get();
  const last = conversations[conversationId]?.last_message?.seq ?? 0;
  return (threads[conversationId]?.messages.at(-1)?.seq ?? 0) < last;
}

function fetchPage(conversationId, where, messages) {
  if (where === "older") return api.messagesBefore(conversationId, messages[0]?.seq ?? 1, PAGE);
  if (where === "newer") return api.messagesAfter(conversationId, messages.at(-1)?.seq ?? 0, PAGE);
  return api.lastMessages(conversationId, PAGE);
}

/** Replace what is loaded by the surroundings of a message that may be far back. */
export async function loadAround(conversationId, seq) {
  const { items } = await api.messagesAfter(conversationId, Math.max(0, seq - PAGE / 2), PAGE);
  dispatch({
    type: "pageLoaded",
    conversationId,
    messages: items,
    where: "around",
    hasOlder: (items[0]?.seq ?? 1) > 1,
    hasNewer: items.length === PAGE,
  });
}

/** Bring an open thread up to what happened since its last message, page by page. */
async function catchUp(conversationId) {
  do await loadPage(conversationId, "newer");
  while (store.get().threads[conversationId]?.hasNewer);
}

/** Say that messages have come, once. What got lost with a connection is said again on the next. */
function tellDelivered(conversationId, seq) {
  if (seq <= (delivered.get(conversationId) ?? 0)) return;
  const frame = { type: "delivered", conversation_id: conversationId, up_to_seq: seq };
  if (sendFrame(frame)) delivered.set(conversationId, seq);
}

/** A message may be here with its conversation before its own frame is, and for one of while we were away none comes. */
function cameWith({ id, last_message: last, members }) {
  const { me } = store.get();
  const known = members.find(({ user_id: userId }) => userId === me.id)?.last_delivered_seq ?? 0;
  if (last && last.from !== me.id && last.seq > known) tellDelivered(id, last.seq);
}

function met(message) {
  outbox?.stored(message.message_id);
  dropScheduled(message.message_id);
  ensureUser(message.from);
}

function onConnection(connection, resumed) {
  const before = store.get().connection;
  dispatch({ type: "set", values: { connection } });
  if (connection === "offline") {
    outbox?.disconnected();
    delivered.clear();
  }
  if (connection !== "online") return;
  tellPresence();
  outbox?.pump();
  uploads?.wake();
  // the list is cheap to read again; a thread only when the server cannot resume where we stopped
  loadConversations().catch(console.warn);
  loadScheduled().catch(console.warn);
  if (before !== "connecting" && !resumed) reloadThreads();
}

function reloadThreads() {
  const { threads, activeId } = store.get();
  for (const [conversationId, thread] of Object.entries(threads)) {
    if (!thread.isLoaded) continue;
    if (conversationId === activeId && !thread.hasNewer) catchUp(conversationId).catch(console.warn);
    else dispatch({ type: "threadForgotten", conversationId });
  }
}

function tellPresence() {
  clearTimeout(awayTimer);
  if (document.visibilityState === "visible") sendFrame({ type: "presence", status: "online" });
  else awayTimer = setTimeout(() => sendFrame({ type: "presence", status: "away" }), AWAY_MS);
}

const frames = {
  message({ message }) {
    onMessage(message);
  },
  status: (report) => dispatch({ type: "status", report }),
  edited: ({ message }) => dispatch({ type: "edited", message }),
  deleted: ({ conversation_id: conversationId, message_id: messageId, at = new Date().toISOString() }) =>
    dispatch({ type: "deleted", conversationId, messageId, at }),
  reaction: (reaction) => dispatch({ type: "reaction", reaction }),
  conversation({ conversation_id: conversationId, change, last_read_seq: seq }) {
    const lastSeq = store.get().conversations[conversationId]?.last_message?.seq ?? 0;
    if (change === "read") dispatch({ type: "read", conversationId, seq }); // on another device of ours
    if (change !== "read" || seq < lastSeq) loadConversation(conversationId).catch(console.warn);
  },
  presence: ({ user_id: userId, status }) => dispatch({ type: "presence", presence: { [userId]: status } }),
  typing({ conversation_id: conversationId, user_id: userId }) {
    if (userId === store.get().me.id) return;
    dispatch({ type: "typing", conversationId, userId, until: Date.now() + TYPING_MS });
    setTimeout(() => dispatch({ type: "typingEnds", now: Date.now() }), TYPING_MS + 50);
  },
  accepted({ request_id: messageId }) {
    outbox?.accepted(messageId);
    setTimeout(() => askForPlace(messageId), PLACE_MS);
  },
  error(frame) {
    if (frame.request_id) outbox?.refused(frame.request_id, frame);
    else console.warn("the server reports:", frame.code, frame.detail);
  },
};

function onFrame(frame) {
  frames[frame.type]?.(frame);
}

async function onMessage(message) {
  const state = store.get();
  const { conversation_id: conversationId } = message;
  const conversation = state.conversations[conversationId];
  const thread = state.threads[conversationId];
  const isNew = message.seq > (conversation?.last_message?.seq ?? 0);
  const last = thread?.messages.at(-1)?.seq ?? 0;
  const hasGap = thread?.isLoaded && !thread.hasNewer && message.seq > last + 1;
  dispatch({ type: "message", message });
  met(message);
  if (message.from !== state.me.id) {
    tellDelivered(conversationId, message.seq);
    if (isNew) announce(message);
  }
  if (!conversation) await loadConversation(conversationId).catch(console.warn);
  if (hasGap) await fillGap(conversationId, last).catch(console.warn);
}

async function fillGap(conversationId, seq) {
  const { items } = await api.messagesAfter(conversationId, seq, PAGE);
  dispatch({ type: "pageLoaded", conversationId, messages: items, where: "newer", hasNewer: false });
}

function announce(message) {
  const name = nameOf(store.get(), message.from);
  dispatch({ type: "set", values: { announcement: t("message.from", { name, text: snippetOf(message) }) } });
}

/** An accepted message comes back over the socket; when it does not, ask for it. */
async function askForPlace(messageId) {
  if (!outbox?.entries.some(({ message, state }) => message.message_id === messageId && state === "accepted")) return;
  try {
    const message = await api.message(messageId);
    if (message.seq) onMessage(message);
  } catch (error) {
    if (error.isTemporary || error.status === 404) setTimeout(() => askForPlace(messageId), PLACE_MS);
  }
}

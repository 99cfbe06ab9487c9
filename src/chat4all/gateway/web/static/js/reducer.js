/** From one state of the screen to the next. Pure: no clock, no network, no DOM. */

import { asDeleted, changeMessage, mergeMessage, mergeMessages, withReaction, withReceipt } from "./messages.js";

/**
 * A thread holds the part of a conversation's history that is loaded, without gaps. When `hasNewer` is true the reader
 * has jumped back and what arrives live is not part of it yet.
 */
const EMPTY_THREAD = { messages: [], hasOlder: true, hasNewer: false, isLoaded: false, unreadFrom: null };

export const initialState = {
  phase: "loading", // "signed-out" | "loading" | "ready"
  locale: "en",
  me: null,
  connection: "connecting", // "connecting" | "online" | "offline"
  conversations: {},
  threads: {},
  outbox: [],
  scheduled: [], // what is to be sent later in all conversations, by its time
  unsent: [], // what was to be sent and could not be
  uploads: [], // files on their way, as `Uploads` has them
  files: {}, // file id -> what the server tells about it
  attachments: {}, // conversation id -> files chosen and not yet sent
  users: {},
  presence: {},
  typing: {}, // conversation id -> {user id: when it ends, in milliseconds}
  activeId: null,
  pane: "list", // which of the two a narrow screen shows: "list" | "thread"
  focusId: null, // the message to bring into view
  dialog: null, // {name, ...its props}
  compose: {}, // {replyTo} or {editing}: a message
  search: { query: "", conversationId: null },
  notice: null,
  announcement: "",
};

const handlers = {
  set: (state, { values }) => ({ ...state, ...values }),

  signedOut: (state) => ({ ...initialState, phase: "signed-out", locale: state.locale, notice: state.notice }),

  usersLoaded(state, { users }) {
    const known = (user) => Object.fromEntries(Object.entries(user).filter(([, value]) => value !== undefined));
    const added = Object.fromEntries(users.map((user) => [user.id, { ...state.users[user.id], ...known(user) }]));
    return { ...state, users: { ...state.users, ...added } };
  },

  fileLoaded: (state, { file }) => ({ ...state, files: { ...state.files, [file.id]: file } }),

  presence: (state, { presence }) => ({ ...state, presence: { ...state.presence, ...presence } }),

  conversationsLoaded(state, { conversations }) {
    const loaded = Object.fromEntries(conversations.map((item) => [item.id, item]));
    return { ...state, conversations: loaded };
  },

  conversationLoaded(state, { conversation }) {
    const known = state.conversations[conversation.id];
    // a single conversation may come without what only the list carries
    const merged = {
      ...conversation,
      unread_count: conversation.unread_count ?? known?.unread_count ?? 0,
      last_message: conversation.last_message ?? known?.last_message ?? null,
    };
    return { ...state, conversations: { ...state.conversations, [conversation.id]: merged } };
  },

  conversationGone(state, { conversationId }) {
    const { [conversationId]: gone, ...conversations } = state.conversations;
    const activeId = state.activeId === conversationId ? null : state.activeId;
    return { ...state, conversations, activeId };
  },

  opened(state, { conversationId }) {
    const conversation = state.conversations[conversationId];
    const read = ownCursor(state, conversation)?.last_read_seq;
    const unreadFrom = conversation?.unread_count && read !== undefined ? read + 1 : null;
    const next = { ...state, activeId: conversationId, compose: {}, focusId: null };
    return conversationId ? inThread(next, conversationId, (thread) => ({ ...thread, unreadFrom })) : next;
  },

  /** `where`: "end" (newest page), "older", "newer", or "around" (replaces what was loaded). */
  pageLoaded(state, { conversationId, messages, where, hasOlder, hasNewer }) {
    return inThread(state, conversationId, (thread) => {
      // receipts that came by live frames outlive a replaced page; a newest page that leaves a gap replaces too
      const replaces = where === "around" || (where === "end" && !touches(thread.messages, messages));
      const known = replaces ? thread.messages.filter((old) => messages.some((m) => m.message_id === old.message_id)) : thread.messages;
      return {
        ...thread,
        isLoaded: true,
        messages: mergeMessages(known, messages),
        hasOlder: where === "older" || replaces || !thread.isLoaded ? hasOlder : thread.hasOlder,
        hasNewer: where === "older" ? thread.hasNewer : Boolean(hasNewer),
      };
    });
  },

  threadForgotten: (state, { conversationId }) => inThread(state, conversationId, () => EMPTY_THREAD),

  message(state, { message }) {
    const { conversation_id: conversationId } = message;
    const conversation = state.conversations[conversationId];
    const isNew = message.seq > (conversation?.last_message?.seq ?? 0);
    let next = inThread(state, conversationId, (thread) => {
      const known = thread.messages.find((item) => item.message_id === message.message_id);
      if (!thread.isLoaded || (thread.hasNewer && !known)) return thread;
      return { ...thread, messages: mergeMessages(thread.messages, [known ? retold(known, message) : message]) };
    });
    next = stopTyping(next, conversationId, message.from);
    if (!conversation || !isNew) return next;
    const unread = message.from === state.me.id ? 0 : 1;
    return inConversation(next, conversationId, (known) => ({
      ...known,
      last_message: message,
      unread_count: (known.unread_count ?? 0) + unread,
    }));
  },

  edited: (state, { message }) =>
    changed(state, message.conversation_id, message.message_id, (known) => retold(known, message)),

  restored: (state, { message }) => changed(state, message.conversation_id, message.message_id, () => message),

  deleted: (state, { conversationId, messageId, at }) =>
    changed(state, conversationId, messageId, (message) => asDeleted(message, at)),

  /** Deleted only for me: it is no longer in my history at all. */
  hidden: (state, { conversationId, messageId }) =>
    inThread(state, conversationId, (thread) => ({
      ...thread,
      messages: thread.messages.filter((message) => message.message_id !== messageId),
    })),

  reaction: (state, { reaction }) =>
    changed(state, reaction.conversation_id, reaction.message_id, (message) => withReaction(message, reaction)),

  status(state, { report }) {
    const { conversation_id: conversationId, message_id: messageId, user_id: userId } = report;
    let seq = 0;
    let next = changed(state, conversationId, messageId, (message) => {
      ({ seq } = message);
      return userId === message.from ? message : withReceipt(message, report);
    });
    if (report.status === "delivered" || report.status === "read") {
      next = advance(next, conversationId, userId, seq, report.status === "read");
    }
    return next;
  },

  read: (state, { conversationId, seq }) => advance(state, conversationId, state.me.id, seq, true),

  typing(state, { conversationId, userId, until }) {
    const inside = { ...state.typing[conversationId], [userId]: until };
    return { ...state, typing: { ...state.typing, [conversationId]: inside } };
  },

  typingEnds(state, { now }) {
    const still = Object.entries(state.typing)
      .map(([id, inside]) => [id, Object.fromEntries(Object.entries(inside).filter(([, until]) => until > now))])
      .filter(([, inside]) => Object.keys(inside).length);
    return { ...state, typing: Object.fromEntries(still) };
  },
};

export function reduce(state, action) {
  return handlers[action.type](state, action);
}

export function ownCursor(state, conversation) {
  return conversation?.members?.find((member) => member.user_id === state.me?.id);
}

function inThread(state, conversationId, change) {
  const thread = state.threads[conversationId] ?? EMPTY_THREAD;
  const next = change(thread);
  return next === thread ? state : { ...state, threads: { ...state.threads, [conversationId]: next } };
}

function inConversation(state, conversationId, change) {
  const conversation = state.conversations[conversationId];
  if (!conversation) return state;
  const next = change(conversation);
  if (next === conversation) return state;
  return { ...state, conversations: { ...state.conversations, [conversationId]: next } };
}

/** Change a message wherever it is shown: in its thread and as the last one of its conversation. */
function changed(state, conversationId, messageId, change) {
  const next = inThread(state, conversationId, (thread) => {
    const messages = changeMessage(thread.messages, messageId, change);
    return messages === thread.messages ? thread : { ...thread, messages };
  });
  return inConversation(next, conversationId, (conversation) => {
    const last = conversation.last_message;
    if (last?.message_id !== messageId) return conversation;
    const last_message = change(last);
    return last_message === last ? conversation : { ...conversation, last_message };
  });
}

/** A message that a frame tells once more: a frame knows nothing of how far it has come. */
function retold(known, message) {
  return mergeMessage(known, { ...message, status: known.status });
}

/** Move a member's cursors, forward only. */
function advance(state, conversationId, userId, seq, isRead) {
  return inConversation(state, conversationId, (conversation) => {
    const known = conversation.members.find((member) => member.user_id === userId);
    if (!known) return conversation;
    const last_delivered_seq = Math.max(known.last_delivered_seq ?? 0, seq);
    const last_read_seq = isRead ? Math.max(known.last_read_seq ?? 0, seq) : known.last_read_seq;
    const members = conversation.members.map((member) =>
      member === known ? { ...known, last_delivered_seq, last_read_seq } : member,
    );
    const mineIsDone = userId === state.me.id && last_read_seq >= (conversation.last_message?.seq ?? 0);
    return { ...conversation, members, unread_count: mineIsDone ? 0 : conversation.unread_count };
  });
}

function stopTyping(state, conversationId, userId) {
  if (!state.typing[conversationId]?.[userId]) return state;
  const { [userId]: ended, ...inside } = state.typing[conversationId];
  return { ...state, typing: { ...state.typing, [conversationId]: inside } };
}

/** Whether a page joins the loaded messages without a gap between them. */
function touches(loaded, page) {
  if (!loaded.length || !page.length) return true;
  return page[0].seq <= loaded.at(-1).seq + 1;
}

/** The messages of a conversation, oldest first, with what is still to be sent at the end. */

import { jumpToEnd, loadMore, markRead } from "../actions.js";
import { dayOf, isSameDay, t } from "../i18n.js";
import { counterpartOf, nameOf, titleOf } from "../people.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../preact.js";
import { overallStatus } from "../receipts.js";
import { store, useSelect } from "../store.js";
import { Message } from "./message.js";
import { EmptyState, IconButton } from "./parts.js";
import { PendingMessage } from "./pending-message.js";
import { UploadMessage } from "./upload-message.js";

const NEAR = 160; // pixels from an edge that count as being there
const TOGETHER_MS = 5 * 60_000;
const SETTLING_MS = 2_000; // how long what comes into view may still be growing
const NO_MESSAGES = [];

export function MessageList({ conversationId }) {
  const state = useSelect((whole) => whole);
  const conversation = state.conversations[conversationId];
  const thread = state.threads[conversationId];
  const messages = thread?.messages ?? NO_MESSAGES;
  const pending = state.outbox.filter((entry) => entry.message.conversation_id === conversationId);
  const uploads = state.uploads.filter((entry) => entry.conversationId === conversationId);
  const waiting = pending.length + uploads.length;
  const { list, isAtEnd, onScroll, onTouched } = useScroll({ conversationId, thread, messages, waiting, focusId: state.focusId });
  useReading(conversationId, messages, isAtEnd);
  const title = titleOf(state, conversation);
  const isEmpty = thread?.isLoaded && !messages.length && !waiting;
  return html`<div class="scroller" ref=${list} onScroll=${onScroll} onWheel=${onTouched}
    onTouchMove=${onTouched} onPointerDown=${onTouched} onKeyDown=${onTouched}>
    ${thread?.isLoaded && !isEmpty ? null : html`<${Placeholder} isEmpty=${isEmpty} title=${title} />`}
    ${thread?.isLoaded && thread.hasOlder ? html`<p class="quiet" role="status">${t("thread.older")}</p>` : null}
    <ol class="messages" data-testid="message-list" aria-label=${t("thread.messages", { name: title })} onKeyDown=${onKeyDown}>
      ${messages.map((message, index) => rowsOf(state, conversation, thread, index))}
      ${pending.map((entry) => html`<${PendingMessage} key=${entry.message.message_id} entry=${entry} />`)}
      ${uploads.map((entry) => html`<${UploadMessage} key=${entry.id} entry=${entry} />`)}
    </ol>
    ${isAtEnd && !thread?.hasNewer
      ? null
      : html`<div class="to-end">
          <${IconButton} icon="down" label=${t("thread.toEnd")} data-testid="to-end"
            onClick=${() => toEnd(conversationId, thread, list.current)} />
        </div>`}
  </div>`;
}

function Placeholder({ isEmpty, title }) {
  if (!isEmpty) return html`<div class="splash" role="status"><span class="spinner"></span><span>${t("app.loading")}</span></div>`;
  return html`<${EmptyState} icon="chat" title=${t("thread.empty")}>
    <p>${t("thread.emptyHint", { name: title })}</p>
  <//>`;
}

/** A message with what stands before it: the heading of a new day, the mark above the first unread one. */
function rowsOf(state, conversation, thread, index) {
  const { messages } = thread;
  const message = messages[index];
  const before = messages[index - 1];
  const isNewDay = !before || !isSameDay(before.created_at, message.created_at);
  const isFirstUnread = thread.unreadFrom && message.seq >= thread.unreadFrom && !(before?.seq >= thread.unreadFrom);
  const isOwn = message.from === state.me.id;
  const follows =
    !isNewDay && !isFirstUnread && before.from === message.from &&
    new Date(message.created_at) - new Date(before.created_at) < TOGETHER_MS;
  const original = message.reply_to ? messages.find((item) => item.message_id === message.reply_to) : undefined;
  return [
    isNewDay
      ? html`<li key="day ${message.message_id}" class="day"><span>${dayOf(message.created_at)}</span></li>`
      : null,
    isFirstUnread
      ? html`<li key="unread" class="day first-unread"><span>${t("thread.newMessages")}</span></li>`
      : null,
    html`<${Message} key=${message.message_id} message=${message} original=${original} isOwn=${isOwn}
      status=${isOwn ? overallStatus(message, conversation.members) : message.status} follows=${follows}
      isGroup=${!counterpartOf(state, conversation)} isLast=${index === messages.length - 1} myId=${state.me.id}
      name=${nameOf(state, message.from)} originalName=${original ? nameOf(state, original.from) : ""}
      locale=${state.locale} isFocused=${state.focusId === message.message_id} />`,
  ];
}

/** Keep the place: at the end while the reader is there, else where they were while older messages come in above. */
function useScroll({ conversationId, thread, messages, waiting, focusId }) {
  const list = useRef(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const anchor = useRef({ isAtEnd: true, scrollTop: 0 });
  const place = useRef({ height: 0, firstId: null, wasShown: false, count: 0 });

  useLayoutEffect(() => {
    const element = list.current;
    const { height, firstId, wasShown, count } = place.current;
    const isFirstTime = !wasShown && thread?.isLoaded;
    const grewAbove = wasShown && firstId !== messages[0]?.message_id && height;
    const wroteOne = waiting > count;
    if (isFirstTime && element.querySelector(".first-unread")) {
      element.querySelector(".first-unread").scrollIntoView({ block: "center" });
      anchor.current = pinnedTo(element.querySelector(".first-unread"));
    } else if (isFirstTime || wroteOne || (isAtEnd && !thread?.hasNewer && !focusId)) {
      element.scrollTop = element.scrollHeight;
    } else if (grewAbove) {
      element.scrollTop += element.scrollHeight - height;
    }
    place.current = {
      height: element.scrollHeight,
      firstId: messages[0]?.message_id,
      wasShown: Boolean(thread?.isLoaded),
      count: waiting,
    };
  }, [messages, waiting, thread?.isLoaded]);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => keepPlace(list.current, anchor.current));
    observer.observe(list.current);
    observer.observe(list.current.querySelector(".messages"));
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (!focusId) return undefined;
    const row = list.current.querySelector(`[data-message-id="${CSS.escape(focusId)}"]`);
    row?.scrollIntoView({ block: "center" });
    if (row) anchor.current = pinnedTo(row);
    row?.focus({ preventScroll: true });
    const timer = setTimeout(() => store.dispatch({ type: "set", values: { focusId: null } }), 2_000);
    return () => clearTimeout(timer);
  }, [focusId, messages]);

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = list.current;
    const fromEnd = scrollHeight - scrollTop - clientHeight;
    const { isAtEnd: wasAtEnd, scrollTop: before, until } = anchor.current;
    // A picture that has just become taller takes nobody from the end: only scrolling up does.
    const isNear = fromEnd < NEAR || (wasAtEnd && !thread?.hasNewer && scrollTop >= before);
    setAtEnd(isNear);
    if (!(until > Date.now())) anchor.current = anchorOf(list.current, isNear);
    if (!thread?.isLoaded) return;
    if (scrollTop < NEAR && thread.hasOlder) loadMore(conversationId, "older");
    if (fromEnd < NEAR && thread.hasNewer) loadMore(conversationId, "newer");
  };
  const onTouched = () => {
    anchor.current = { ...anchor.current, until: 0 };
  };
  useEffect(onScroll, [messages]);
  return { list, isAtEnd, onScroll, onTouched };
}

/** What the reader looks at: the end, or the first message in view and how far down it stands. */
function anchorOf(element, isAtEnd) {
  const { top } = element.getBoundingClientRect();
  const rows = isAtEnd ? [] : element.querySelectorAll("[data-testid=message]");
  const row = [...rows].find((item) => item.getBoundingClientRect().bottom > top);
  return { isAtEnd, scrollTop: element.scrollTop, row, top: row?.getBoundingClientRect().top };
}

/** A message that was brought into view stays where it is while what is around it takes its size. */
const pinnedTo = (row) => ({ isAtEnd: false, row, top: row.getBoundingClientRect().top, until: Date.now() + SETTLING_MS });

/** A picture that turns out taller, or a composer that grows, moves nothing that is being read. */
function keepPlace(element, { isAtEnd, row, top }) {
  if (isAtEnd) element.scrollTop = element.scrollHeight;
  else if (row?.isConnected) element.scrollTop += row.getBoundingClientRect().top - top;
}

/** Tell the server what has been read, once it is on a screen that is looked at. */
function useReading(conversationId, messages, isAtEnd) {
  const connection = useSelect((state) => state.connection);
  useEffect(() => {
    const read = () => {
      if (isAtEnd && document.visibilityState === "visible" && document.hasFocus()) markRead(conversationId);
    };
    read();
    window.addEventListener("focus", read);
    document.addEventListener("visibilitychange", read);
    return () => {
      window.removeEventListener("focus", read);
      document.removeEventListener("visibilitychange", read);
    };
  }, [conversationId, messages, isAtEnd, connection]);
}

async function toEnd(conversationId, thread, element) {
  if (thread.hasNewer) await jumpToEnd(conversationId);
  element.scrollTop = element.scrollHeight;
}

function onKeyDown(event) {
  const row = event.target;
  if (!row.matches("[data-testid=message]")) return;
  const rows = [...event.currentTarget.querySelectorAll("[data-testid=message]")];
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -rows.length, End: rows.length }[event.key];
  if (step) {
    event.preventDefault();
    const next = rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(row) + step))];
    row.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  } else if (event.key === "Enter" || event.key === "ContextMenu") {
    event.preventDefault();
    row.querySelector("[data-testid=message-menu]")?.click();
  } else if (event.key === "Escape") {
    event.preventDefault();
    document.getElementById("composer")?.focus();
  }
}

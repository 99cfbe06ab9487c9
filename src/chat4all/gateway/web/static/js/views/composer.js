/** The place to write: a new message, an answer to one, or the edit of one's own. */

import { cancelCompose, saveEdit, sendText, startEdit, tellTyping } from "../actions.js";
import { attach, sendAttachments } from "../files/attach.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { nameOf } from "../people.js";
import { html, useLayoutEffect, useRef, useState } from "../preact.js";
import { scheduleText } from "../send-later.js";
import { store, useSelect } from "../store.js";
import { snippetOf } from "../text.js";
import { AttachButton, AttachmentTray, pastedFiles, useAttachments } from "./attachments.js";
import { IconButton } from "./parts.js";
import { SendLaterButton } from "./send-later.js";
import { MicrophoneButton, RecordingLine, useVoiceRecorder } from "./voice-recorder.js";

const LONGEST = 16_384;
const drafts = new Map(); // what was begun in each conversation, while this page is open

export function Composer({ conversationId }) {
  const compose = useSelect((state) => state.compose);
  const [text, setText] = useState(drafts.get(conversationId) ?? "");
  const input = useRef(null);
  const { editing, replyTo } = compose;
  const attachments = useAttachments(conversationId);
  const voice = useVoiceRecorder(conversationId, replyTo?.message_id);
  const [isBusy, setBusy] = useState(false); // while the server is asked to send it later
  const isEmpty = !text.trim() && (editing || !attachments.length);

  useLayoutEffect(() => {
    setText(editing ? (editing.payload.text ?? editing.payload.caption ?? "") : (drafts.get(conversationId) ?? ""));
    if (editing || replyTo) input.current.focus();
  }, [editing, replyTo]);
  useLayoutEffect(() => {
    const { style } = input.current;
    style.height = "auto";
    style.height = `${input.current.scrollHeight}px`;
  }, [text]);

  const onInput = (event) => {
    const { value } = event.currentTarget;
    setText(value);
    if (editing) return;
    drafts.set(conversationId, value);
    if (value.trim()) tellTyping(conversationId);
  };
  const submit = (event) => {
    event?.preventDefault();
    const written = text.trim();
    if (isEmpty || isBusy) return;
    setText("");
    if (editing) {
      saveEdit(editing, written);
    } else {
      drafts.delete(conversationId);
      const send = attachments.length ? sendAttachments : sendText;
      send(conversationId, written, replyTo?.message_id);
    }
    input.current.focus();
  };
  const sendLater = async (at) => {
    setBusy(true);
    try {
      await scheduleText(conversationId, text.trim(), at, replyTo?.message_id);
      setText("");
      drafts.delete(conversationId);
      cancelCompose();
      input.current?.focus();
    } finally {
      setBusy(false);
    }
  };
  const onPaste = (event) => {
    const files = editing ? [] : pastedFiles(event);
    if (!files.length) return;
    event.preventDefault();
    attach(conversationId, files);
  };
  const onKeyDown = (event) => onComposerKey(event, { text, compose, submit, conversationId });

  return html`<form class="composer" onSubmit=${submit} data-testid="composer">
    <${Context} compose=${compose} />
    ${editing ? null : html`<${AttachmentTray} conversationId=${conversationId} />`}
    ${voice.recorder ? html`<${RecordingLine} voice=${voice} />` : null}
    <div class="composer-line" hidden=${Boolean(voice.recorder)}>
      ${editing ? null : html`<${AttachButton} conversationId=${conversationId} />`}
      <textarea ref=${input} id="composer" rows="1" data-testid="composer-input" maxlength=${LONGEST} dir="auto"
        placeholder=${t("compose.placeholder")} title=${t("compose.hint")} aria-label=${t("compose.placeholder")}
        value=${text} readonly=${isBusy} onInput=${onInput} onKeyDown=${onKeyDown} onPaste=${onPaste}></textarea>
      ${text.trim() && !editing && !attachments.length
        ? html`<${SendLaterButton} text=${text.trim()} onChoose=${sendLater} />`
        : null}
      ${isEmpty && !editing
        ? html`<${MicrophoneButton} voice=${voice} />`
        : html`<button class="send" data-testid="composer-send" aria-label=${t(editing ? "action.save" : "compose.send")}
            title=${t(editing ? "action.save" : "compose.send")} disabled=${isEmpty || isBusy}>
            <${Icon} name=${editing ? "check" : "send"} />
          </button>`}
    </div>
  </form>`;
}

function onComposerKey(event, { text, compose, submit, conversationId }) {
  if (event.isComposing) return; // Enter there chooses a word of an input method
  if (event.key === "Enter" && !event.shiftKey) {
    submit(event);
  } else if (event.key === "Escape" && (compose.editing || compose.replyTo)) {
    event.preventDefault();
    event.stopPropagation();
    cancelCompose();
  } else if (event.key === "ArrowUp" && !text && !compose.editing) {
    const last = lastOwnText(conversationId);
    if (!last) return;
    event.preventDefault();
    startEdit(last);
  }
}

function lastOwnText(conversationId) {
  const { threads, me } = store.get();
  const isMine = ({ from, payload, deleted_at: deletedAt }) => from === me.id && payload?.type === "text" && !deletedAt;
  return threads[conversationId]?.messages.findLast(isMine);
}

/** What is being answered or edited, with a way out. */
function Context({ compose }) {
  const message = compose.editing ?? compose.replyTo;
  if (!message) return null;
  const title = compose.editing
    ? t("compose.editing")
    : t("compose.replyingTo", { name: nameOf(store.get(), message.from) });
  return html`<div class="composer-context" data-testid=${compose.editing ? "compose-editing" : "compose-reply"}>
    <${Icon} name=${compose.editing ? "edit" : "reply"} />
    <p><b>${title}</b><span>${snippetOf(message)}</span></p>
    <${IconButton} icon="close" label=${t("action.cancel")} class="small" data-testid="compose-cancel" onClick=${cancelCompose} />
  </div>`;
}

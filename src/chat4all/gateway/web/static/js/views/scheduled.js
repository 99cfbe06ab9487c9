/** What is to be sent later in a conversation: a line above the composer, and the dialog behind it. */

import { openDialog } from "../actions.js";
import { Icon } from "../icons.js";
import { momentOf, reasonText, t, tn } from "../i18n.js";
import { html, useLayoutEffect, useRef, useState } from "../preact.js";
import { dismissUnsent, loadScheduled } from "../scheduled.js";
import { cancelScheduled, changeScheduled } from "../send-later.js";
import { useSelect } from "../store.js";
import { snippetOf } from "../text.js";
import { Dialog } from "./dialog.js";
import { FormError, IconButton, useSubmit } from "./parts.js";
import { TimeField } from "./send-later.js";

const LONGEST = 16_384;

function useOwn(conversationId) {
  const isHere = (item) => item.conversation_id === conversationId;
  return {
    waiting: useSelect((state) => state.scheduled).filter(isHere),
    unsent: useSelect((state) => state.unsent).filter(isHere),
  };
}

export function ScheduledLine({ conversationId }) {
  const { waiting, unsent } = useOwn(conversationId);
  if (!waiting.length && !unsent.length) return null;
  const [next] = waiting;
  return html`<button type="button" class="scheduled-line" data-testid="scheduled-line" aria-haspopup="dialog"
    onClick=${() => openDialog("scheduled", { conversationId })}>
    <${Icon} name=${unsent.length ? "alert" : "clock"} />
    ${unsent.length ? html`<b class="failure-text">${tn("later.unsent", unsent.length)}</b>` : null}
    ${next ? html`<b>${tn("later.waiting", waiting.length)}</b>` : null}
    ${next ? html`<span dir="auto">${momentOf(next.send_at)}: ${snippetOf(next)}</span>` : null}
    <${Icon} name="right" />
  </button>`;
}

export function Scheduled({ conversationId }) {
  const { waiting, unsent } = useOwn(conversationId);
  const list = useRef(null);
  const [changing, setChanging] = useState(null);
  useLayoutEffect(() => void loadScheduled().catch(console.warn), []);
  /** Whatever was done, the keyboard goes on in the list. */
  const goOn = (messageId) => {
    setChanging(null);
    requestAnimationFrame(() => {
      const row = list.current?.querySelector(`[data-id="${messageId}"] button`);
      (row ?? list.current?.querySelector("button") ?? document.getElementById("scheduled-none"))?.focus();
    });
  };
  return html`<${Dialog} title=${t("later.title")} testid="scheduled-dialog">
    ${waiting.length || unsent.length
      ? html`<ul class="scheduled" ref=${list}>
          ${unsent.map((item) => html`<${Unsent} key=${item.message_id} message=${item} onDone=${goOn} />`)}
          ${waiting.map(
            (item) => html`<li key=${item.message_id} data-id=${item.message_id} data-testid="scheduled-item">
              ${changing === item.message_id
                ? html`<${Change} message=${item} onDone=${() => goOn(item.message_id)} />`
                : html`<${Waiting} message=${item} onChange=${() => setChanging(item.message_id)} onDone=${goOn} />`}
            </li>`,
          )}
        </ul>`
      : html`<p class="quiet" id="scheduled-none" tabindex="-1">${t("later.none")}</p>`}
  <//>`;
}

function Waiting({ message, onChange, onDone }) {
  const [isAsking, setAsking] = useState(false);
  const { error, isBusy, submit } = useSubmit();
  const time = momentOf(message.send_at);
  const cancel = submit(async () => {
    await cancelScheduled(message);
    onDone(message.message_id);
  });
  return html`<${What} message=${message} time=${time}>
      <${IconButton} icon="edit" label=${t("later.change", { time })} class="small" data-testid="scheduled-edit" onClick=${onChange} />
      <${IconButton} icon="trash" label=${t("later.cancel", { time })} class="small danger" data-testid="scheduled-cancel"
        aria-expanded=${String(isAsking)} onClick=${() => setAsking(!isAsking)} />
    <//>
    <${FormError} error=${error} />
    ${isAsking
      ? html`<footer>
          <span class="hint">${t("later.cancelAsk")}</span>
          <button type="button" class="secondary" onClick=${() => { setAsking(false); onDone(message.message_id); }}>${t("later.keep")}</button>
          <button type="button" class="primary danger" data-testid="scheduled-cancel-yes" disabled=${isBusy} onClick=${cancel}>
            ${t("later.cancelYes")}
          </button>
        </footer>`
      : null}`;
}

function Unsent({ message, onDone }) {
  const { code, text } = message.error ?? {};
  const dismiss = () => {
    dismissUnsent(message.message_id);
    onDone(message.message_id);
  };
  return html`<li data-testid="scheduled-unsent">
    <${What} message=${message} time=${momentOf(message.send_at)}>
      <${IconButton} icon="close" label=${t("later.dismiss")} class="small" data-testid="scheduled-dismiss" onClick=${dismiss} />
    <//>
    <p class="failure-text">${t("later.notSent", { reason: reasonText(code, text) })}</p>
  </li>`;
}

function What({ message, time, children }) {
  return html`<div class="scheduled-what">
    <time datetime=${message.send_at}>${time}</time>
    ${children}
    <p class="text" dir="auto">${snippetOf(message)}</p>
  </div>`;
}

/** Another text, another time, or both. */
function Change({ message, onDone }) {
  const { payload, message_id: id } = message;
  const was = payload.text ?? payload.caption;
  const canWrite = payload.type === "text" || payload.caption != null;
  const form = useRef(null);
  const { error, isBusy, submit } = useSubmit();
  useLayoutEffect(() => form.current.querySelector("textarea, input").focus(), []);
  const onSubmit = (event) => {
    const { text, at } = event.currentTarget.elements;
    const written = text?.value.trim();
    return submit(async () => {
      await changeScheduled(message, {
        text: canWrite && written && written !== was ? written : undefined,
        at: at.value === at.defaultValue ? undefined : new Date(at.value),
      });
      onDone();
    })(event);
  };
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault(); // it leaves the change, not the dialog
    event.stopPropagation();
    onDone();
  };
  return html`<form ref=${form} class="form" data-testid="scheduled-form" onSubmit=${onSubmit} onKeyDown=${onKeyDown}>
    ${canWrite
      ? html`<div class="field">
          <label for="text-${id}">${t("later.text")}</label>
          <textarea id="text-${id}" name="text" rows="3" maxlength=${LONGEST} dir="auto" data-testid="scheduled-text" required
            defaultValue=${was}></textarea>
        </div>`
      : null}
    <${TimeField} id="scheduled-at" at=${new Date(message.send_at)} />
    <${FormError} error=${error} />
    <footer>
      <button type="button" class="secondary" onClick=${onDone}>${t("action.cancel")}</button>
      <button class="primary" data-testid="scheduled-save" disabled=${isBusy}>${t("action.save")}</button>
    </footer>
  </form>`;
}

/** Small things that many views show. */

import { Icon } from "../icons.js";
import { errorText, t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { hueOf, initialsOf, splitLinks } from "../text.js";

/** Text as text: nothing in it is ever taken for markup; web addresses become links. */
export function Text({ text }) {
  return html`<p class="text" dir="auto">
    ${splitLinks(text).map((part) =>
      part.href ? html`<a href=${part.href} target="_blank" rel="noopener noreferrer">${part.href}</a>` : part,
    )}
  </p>`;
}

/** @param {{id: string, name: string, presence?: string, isGroup?: boolean}} props */
export function Avatar({ id, name, presence, isGroup }) {
  return html`<span class="avatar hue-${hueOf(id)}">
    <span aria-hidden="true">${isGroup ? html`<${Icon} name="people" />` : initialsOf(name)}</span>
    ${presence && presence !== "offline"
      ? html`<span class="dot dot-${presence}" role="img" aria-label=${t(`presence.${presence}`)}></span>`
      : null}
  </span>`;
}

/** A button that shows an icon only; `label` is its name. */
export function IconButton({ icon, label, class: extra = "", ...rest }) {
  return html`<button type="button" class="icon-button ${extra}" aria-label=${label} title=${label} ...${rest}>
    <${Icon} name=${icon} />
  </button>`;
}

/** A labelled input; `error` and `hint` are read together with it. */
export function Field({ id, label, hint, error, ...rest }) {
  const notes = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} aria-describedby=${notes || null} aria-invalid=${error ? "true" : null} ...${rest} />
    ${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : null}
    ${error ? html`<p class="field-error" id="${id}-error">${error}</p>` : null}
  </div>`;
}

export function FormError({ error }) {
  return html`<p class="form-error" role="alert" data-testid="form-error">${error ? errorText(error) : null}</p>`;
}

export function EmptyState({ icon, title, children }) {
  return html`<div class="empty">
    <span class="empty-art"><${Icon} name=${icon} /></span>
    <h2>${title}</h2>
    ${children}
  </div>`;
}

/**
 * For forms: `submit(work)` runs it, keeps what went wrong, and says meanwhile that it is busy.
 * @returns {{error: Error|null, isBusy: boolean, submit: (work: () => Promise<any>) => (event: Event) => void}}
 */
export function useSubmit() {
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const submit = (work) => async (event) => {
    event?.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return { error, isBusy, submit };
}

/** Arrow keys, Home and End move the focus among the elements that fit `selector`; one of them is in the tab order. */
export function moveFocus(event, selector) {
  const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  const step = steps[event.key];
  if (step === undefined) return;
  const items = [...event.currentTarget.querySelectorAll(selector)];
  const index = items.indexOf(document.activeElement);
  if (index < 0) return;
  event.preventDefault();
  const next = items[Math.max(0, Math.min(items.length - 1, index + step))];
  for (const item of items) item.tabIndex = item === next ? 0 : -1;
  next.focus();
}

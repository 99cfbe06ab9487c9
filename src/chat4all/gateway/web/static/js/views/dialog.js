/** A modal dialog: the browser's own, so that focus stays inside and Escape closes it. */

import { closeDialog } from "../actions.js";
import { t } from "../i18n.js";
import { html, useLayoutEffect, useRef } from "../preact.js";
import { IconButton } from "./parts.js";

/** Show the `<dialog>` that the ref holds as a modal one; the focus returns to where it was when it goes. */
export function useModal(dialog) {
  useLayoutEffect(() => {
    const opener = document.activeElement;
    const element = dialog.current;
    element.showModal();
    (element.querySelector("[data-autofocus]") ?? element.querySelector("input, select"))?.focus();
    return () => {
      element.close();
      const target = opener?.isConnected && opener !== document.body ? opener : document.getElementById("composer");
      target?.focus();
    };
  }, []);
}

export function Dialog({ title, children, testid, onClose = closeDialog }) {
  const dialog = useRef(null);
  useModal(dialog);
  const onClick = (event) => event.target === dialog.current && onClose(); // on the backdrop
  const onCancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby="dialog-title" data-testid=${testid}
    onClick=${onClick} onCancel=${onCancel}>
    <div class="dialog-box">
      <header>
        <h2 id="dialog-title">${title}</h2>
        <${IconButton} icon="close" label=${t("action.close")} data-testid="dialog-close" onClick=${onClose} />
      </header>
      ${children}
    </div>
  </dialog>`;
}

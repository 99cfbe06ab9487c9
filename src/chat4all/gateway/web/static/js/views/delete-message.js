/** Asks before a message is deleted. */

import { closeDialog, deleteMessage } from "../actions.js";
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { Dialog } from "./dialog.js";

/** @param {{message: object, whom: "me"|"everyone"}} props */
export function DeleteMessage({ message, whom }) {
  const key = whom === "me" ? "deleteForMe" : "deleteForEveryone";
  const confirm = () => {
    closeDialog();
    deleteMessage(message, whom);
  };
  return html`<${Dialog} title=${t(`action.${key}`)} testid="delete-dialog">
    <p>${t(`confirm.${key}`)}</p>
    <footer>
      <button type="button" class="secondary" onClick=${closeDialog}>${t("action.cancel")}</button>
      <button type="button" class="primary danger" data-autofocus data-testid="delete-confirm" onClick=${confirm}>
        ${t(`action.${key}`)}
      </button>
    </footer>
  <//>`;
}

/** Start a private chat with somebody found by name. */

import { orTell, startPrivate } from "../actions.js";
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { Dialog } from "./dialog.js";
import { PeoplePicker } from "./people-picker.js";

export function NewChat() {
  return html`<${Dialog} title=${t("nav.newChat")} testid="new-chat-dialog">
    <${PeoplePicker} label=${t("chat.find")} testid="new-chat" onPick=${(user) => orTell(() => startPrivate(user))} />
  <//>`;
}

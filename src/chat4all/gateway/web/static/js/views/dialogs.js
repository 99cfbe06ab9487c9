/** The dialog that is open, if any. */

import { html } from "../preact.js";
import { useSelect } from "../store.js";
import { Channels } from "./channels.js";
import { ConnectTelegram } from "./connect-telegram.js";
import { DeleteMessage } from "./delete-message.js";
import { Members } from "./members.js";
import { NewChat } from "./new-chat.js";
import { NewContact } from "./new-contact.js";
import { NewGroup } from "./new-group.js";
import { Scheduled } from "./scheduled.js";
import { SendLater } from "./send-later.js";
import { Settings } from "./settings.js";
import { StatusDetails } from "./status-details.js";
import { Viewer } from "./viewer.js";

const DIALOGS = {
  channels: Channels,
  "connect-telegram": ConnectTelegram,
  delete: DeleteMessage,
  members: Members,
  "new-chat": NewChat,
  "new-contact": NewContact,
  "new-group": NewGroup,
  scheduled: Scheduled,
  "send-later": SendLater,
  settings: Settings,
  status: StatusDetails,
  viewer: Viewer,
};

export function Dialogs() {
  const dialog = useSelect((state) => state.dialog);
  if (!dialog) return null;
  const { name, ...props } = dialog;
  return html`<${DIALOGS[name]} key=${name} ...${props} />`;
}

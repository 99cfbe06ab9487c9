/** Where one writes: the composer, or what may be sent where no text is taken. */

import { html } from "../preact.js";
import { useSelect } from "../store.js";
import { useClosedWindow } from "../windows.js";
import { ClosedWindow } from "./closed-window.js";
import { Composer } from "./composer.js";
import { ScheduledLine } from "./scheduled.js";

export function WritingPlace({ conversationId }) {
  const closed = useClosedWindow(conversationId);
  const isEditing = useSelect((state) => Boolean(state.compose.editing));
  return html`<div class="writing">
    <${ScheduledLine} conversationId=${conversationId} />
    ${closed && !isEditing
      ? html`<${ClosedWindow} conversationId=${conversationId} closed=${closed} />`
      : html`<${Composer} conversationId=${conversationId} />`}
  </div>`;
}

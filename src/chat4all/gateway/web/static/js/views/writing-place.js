/** Where one writes: the composer, or what may be sent where no text is taken. */

import { html } from "../preact.js";
import { useSelect } from "../store.js";
import { useClosedWindow } from "../windows.js";
import { ClosedWindow } from "./closed-window.js";
import { Composer } from "./composer.js";

export function WritingPlace({ conversationId }) {
  const closed = useClosedWindow(conversationId);
  const isEditing = useSelect((state) => Boolean(state.compose.editing));
  return closed && !isEditing
    ? html`<${ClosedWindow} conversationId=${conversationId} closed=${closed} />`
    : html`<${Composer} conversationId=${conversationId} />`;
}

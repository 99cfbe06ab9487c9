/** The file of a message: a picture, a video, a sound, a document; or why there is none. */

import { openDialog, orTell } from "../actions.js";
import { download, useThumbnail } from "../files/content.js";
import { durationText, fitted, kindOf } from "../files/kinds.js";
import { useFile } from "../files/known.js";
import { Icon } from "../icons.js";
import { errorText, sizeOf, t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { snippetOf } from "../text.js";
import { FileIcon } from "./attachments.js";
import { AudioPlayer } from "./audio-player.js";
import { Text } from "./parts.js";

/** How large a picture stands in a conversation, in pixels. */
export const PICTURE = { maxWidth: 360, maxHeight: 340, minWidth: 120 };
const SMALL_BYTES = 5_000_000;
const UNKNOWN = { width: 320, height: 240 };

/** @param {{message: object}} props */
export function Media({ message }) {
  const { payload } = message;
  const file = useFile(payload.file_id);
  return html`<${viewOf(payload, file)} message=${message} file=${file} />
    ${payload.caption ? html`<${Text} text=${payload.caption} />` : null}`;
}

function viewOf({ type }, file) {
  if (file && file.state !== "ready") return Unready;
  if (type === "image" || type === "video") return isShown(type, file) ? Picture : Document;
  if (type === "audio") return AudioPlayer;
  return file ? Document : Awaited;
}

/** Without a small picture, only a file that is small itself is shown as it is. */
const isShown = (type, file) =>
  !file || type === "video" || file.has_thumbnail || (kindOf(file.mime_type) === type && file.size <= SMALL_BYTES);

/** A picture, or a video's first one, that opens the viewer. Its place is kept before it has come. */
function Picture({ message, file }) {
  const { type, caption } = message.payload;
  const [isBroken, setBroken] = useState(false);
  const [found, setFound] = useState(UNKNOWN); // by the browser, where the server told no size
  const url = useThumbnail(type === "image" || file?.has_thumbnail ? file : null);
  const { width, height } = file?.width && file.height ? file : found;
  const box = fitted(width, height, PICTURE);
  const open = () => openDialog("viewer", { conversationId: message.conversation_id, messageId: message.message_id });
  if (isBroken) return html`<${Document} file=${file} />`;
  const onLoad = ({ currentTarget: { naturalWidth, naturalHeight } }) =>
    setFound({ width: naturalWidth, height: naturalHeight });
  const label = `${t("media.open")}: ${snippetOf(message, file)}`;
  return html`<button type="button" class="picture-button" aria-label=${label} data-testid="picture" data-kind=${type}
    data-loaded=${String(Boolean(url))} style=${{ width: `${box.width}px`, aspectRatio: `${box.width} / ${box.height}` }}
    disabled=${!file} onClick=${open}>
    ${url ? html`<img class="picture" src=${url} alt=${caption ?? ""} onLoad=${onLoad} onError=${() => setBroken(true)} />` : null}
    ${type === "video"
      ? html`<span class="play-mark"><${Icon} name="play" /></span>
          ${file?.duration ? html`<span class="picture-time">${durationText(file.duration)}</span>` : null}`
      : null}
  </button>`;
}

function Document({ file }) {
  const save = () => orTell(() => download(file.id, file.name));
  return html`<button type="button" class="card" aria-label="${t("message.download")}: ${file.name}, ${sizeOf(file.size)}"
    data-testid="document" onClick=${save}>
    <${FileIcon} name=${file.name} mimeType=${file.mime_type} />
    <span class="card-text"><b>${file.name}</b><small>${sizeOf(file.size)}</small></span>
    <${Icon} name="download" />
  </button>`;
}

/** What is not known yet takes the room that it will need. */
function Awaited() {
  return html`<div class="card"><span class="spinner small"></span><span class="card-text"><b>…</b><small>…</small></span></div>`;
}

/** Still on its way from the platform, failed, or gone. */
function Unready({ message, file }) {
  const isComing = file.state === "receiving" || file.state === "uploading";
  const kind = snippetOf(message, file);
  const reason = file.state === "failed" ? failureText(file) : t(`file.${isComing ? "receiving" : "deleted"}`);
  return html`<div class="card unready" data-testid="file-${file.state}">
    ${isComing ? html`<span class="spinner small"></span>` : html`<span class="file-icon"><${Icon} name="alert" /></span>`}
    <span class="card-text" ...${isComing ? { role: "status" } : {}}><b>${kind}</b><small>${reason}</small></span>
  </div>`;
}

function failureText({ error }) {
  return errorText({ code: error?.code ?? "file_failed", message: error?.detail });
}

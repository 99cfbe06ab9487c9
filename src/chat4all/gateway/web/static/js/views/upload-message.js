/** A file on its way to the server, where its message will stand. */

import { currentUploads } from "../client.js";
import { fitted } from "../files/kinds.js";
import { errorText, sizeOf, t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { FileIcon } from "./attachments.js";
import { PICTURE } from "./media.js";
import { IconButton, Text } from "./parts.js";

const CAN_PAUSE = new Set(["waiting", "hashing", "uploading", "offline"]);
const CAN_RESUME = new Set(["paused", "failed"]);

/** @param {{entry: object}} props an entry of `Uploads` */
export function UploadMessage({ entry }) {
  const { id, name, state } = entry;
  return html`<li class="message own pending upload" tabindex="-1" data-testid="upload" data-upload-id=${id} data-state=${state}>
    <div class="bubble-line"><div class="bubble" role="group" aria-label=${t("upload.label", { name })}>
      <${Preview} entry=${entry} />
      <div class="upload-line">
        ${entry.kind === "image" ? null : html`<${FileIcon} name=${name} mimeType=${entry.mimeType} />`}
        <div class="upload-text">
          <b>${name}</b>
          <${Bar} entry=${entry} />
          <small class=${entry.error && !CAN_PAUSE.has(state) ? "trouble" : ""} data-testid="upload-status"
            ...${state === "failed" || state === "lost" ? { role: "alert" } : {}}>${statusText(entry)}</small>
        </div>
        <${Buttons} entry=${entry} />
      </div>
      ${entry.caption ? html`<${Text} text=${entry.caption} />` : null}
    </div></div>
  </li>`;
}

function Bar({ entry: { name, state, done, size } }) {
  const percent = size ? Math.floor((100 * Math.min(done, size)) / size) : 0;
  return html`<div class="bar-track" role="progressbar" aria-label=${t("upload.label", { name })} aria-valuemin="0"
    aria-valuemax="100" aria-valuenow=${percent} data-testid="upload-progress" data-state=${state}>
    <div style=${{ width: `${percent}%` }}></div>
  </div>`;
}

function Buttons({ entry: { id, state, name } }) {
  const uploads = currentUploads();
  const input = useRef(null);
  return html`<span class="upload-buttons">
    ${CAN_PAUSE.has(state)
      ? html`<${IconButton} icon="pause" label=${t("upload.pause", { name })} class="small" data-testid="upload-pause"
          onClick=${() => uploads.pause(id)} />`
      : null}
    ${CAN_RESUME.has(state)
      ? html`<${IconButton} icon=${state === "paused" ? "play" : "again"} class="small" data-testid="upload-resume"
          label=${t(state === "paused" ? "upload.resume" : "upload.again", { name })} onClick=${() => uploads.resume(id)} />`
      : null}
    ${state === "lost"
      ? html`<button type="button" class="link" data-testid="upload-choose" onClick=${() => input.current.click()}>
            ${t("upload.choose")}
          </button>
          <input ref=${input} type="file" hidden data-testid="upload-choose-input"
            onChange=${() => input.current.files.length && uploads.choose(id, input.current.files[0])} />`
      : null}
    <${IconButton} icon="close" label=${t("upload.cancel", { name })} class="small" data-testid="upload-cancel"
      onClick=${() => uploads.cancel(id)} />
  </span>`;
}

function statusText({ state, done, size, error }) {
  const reason = error ? errorText({ code: error.code, message: error.detail }) : "";
  if (state === "failed") return t("upload.failed", { reason });
  if (state === "lost") return reason || t("upload.lost");
  const values = { done: sizeOf(done), size: sizeOf(size) };
  if (state === "offline" && error?.code !== "unreachable") return t("upload.retrying", { reason });
  return t(`upload.${state}`, values);
}

/** The picture itself, from the bytes that are here. */
function Preview({ entry }) {
  const { id, kind, width, height } = entry;
  const [url, setUrl] = useState(null);
  const blob = kind === "image" ? currentUploads()?.blobOf(id) : null;
  useEffect(() => {
    if (!blob) return undefined;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  if (!blob || !width) return null;
  const box = fitted(width, height, PICTURE);
  return html`<img class="picture" style=${{ width: `${box.width}px`, aspectRatio: `${box.width} / ${box.height}` }}
    src=${url} alt="" />`;
}

/** Choosing files for a conversation: a button, a drop, the clipboard; and what was chosen, before it is sent. */

import { attach, attachmentsOf, detach } from "../files/attach.js";
import { endingOf, iconOf } from "../files/kinds.js";
import { useFilePlan } from "../files/plans.js";
import { Icon } from "../icons.js";
import { channelName, errorText, sizeOf, t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { useSelect } from "../store.js";
import { IconButton } from "./parts.js";

export const useAttachments = (conversationId) => useSelect((state) => attachmentsOf(state, conversationId));

export function AttachButton({ conversationId }) {
  const input = useRef(null);
  const onChange = () => {
    attach(conversationId, input.current.files);
    input.current.value = ""; // the same file may be chosen again
    placeToWrite()?.focus();
  };
  return html`<${IconButton} icon="clip" label=${t("attach.choose")} class="attach" data-testid="attach"
      onClick=${() => input.current.click()} />
    <input ref=${input} type="file" multiple hidden tabindex="-1" data-testid="attach-input" onChange=${onChange} />`;
}

/** Files pasted from the clipboard; text that comes with them, as from an office program, is preferred. */
export function pastedFiles(event) {
  const { files, types } = event.clipboardData ?? {};
  return files?.length && !types.includes("text/plain") ? [...files] : [];
}

/** The chosen files, each with a way to take it out again. */
export function AttachmentTray({ conversationId }) {
  const items = useAttachments(conversationId);
  if (!items.length) return null;
  return html`<ul class="tray" aria-label=${t("attach.chosen")} data-testid="attachments">
    ${items.map((item) => html`<${Chosen} key=${item.id} conversationId=${conversationId} item=${item} />`)}
  </ul>`;
}

function Chosen({ conversationId, item }) {
  const plan = useFilePlan(conversationId, item);
  return html`<li class="tray-item" data-testid="attachment">
    ${item.preview
      ? html`<img src=${item.preview} alt="" />`
      : html`<span class="tray-icon"><${FileIcon} name=${item.name} mimeType=${item.file.type} /></span>`}
    <span class="tray-name"><b>${item.name}</b><small>${sizeOf(item.file.size)}</small></span>
    ${hintsOf(plan).map((hint) => html`<p key=${hint} class="tray-hint" role="status" data-testid="attachment-hint">${hint}</p>`)}
    <${IconButton} icon="close" label=${t("attach.remove", { name: item.name })} class="small" data-testid="attachment-remove"
      onClick=${() => detach(conversationId, item.id)} />
  </li>`;
}

function hintsOf(plan) {
  if (!plan) return [];
  const named = (channels) => channels.map(channelName).join(", ");
  return [
    ...plan.blocked.map(({ channel, code }) =>
      t("attach.blocked", { channel: channelName(channel), reason: errorText({ code, message: code }) })),
    plan.links.length ? t("attach.asLink", { channels: named(plan.links) }) : null,
    plan.documents.length ? t("attach.asDocument", { channels: named(plan.documents) }) : null,
  ].filter(Boolean);
}

/** What a file looks like when it has no picture: a sheet with the ending of its name. */
export function FileIcon({ name, mimeType }) {
  const ending = endingOf(name);
  return html`<span class="file-icon" aria-hidden="true">
    <${Icon} name=${iconOf(mimeType)} />${ending ? html`<small>${ending}</small>` : null}
  </span>`;
}

/** While files are dragged over the window, the place to drop them. Folders are not taken. */
export function DropZone({ conversationId }) {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0; // enter and leave come for every element on the way
    const carries = (event) => event.dataTransfer?.types.includes("Files") && !document.querySelector("dialog[open]");
    const show = (change) => (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = Math.max(0, depth + change);
      setOver(depth > 0 && Boolean(placeToWrite()));
    };
    const drop = (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      if (!placeToWrite()) return; // the browser would otherwise leave the page for the file
      attach(conversationId, droppedFiles(event.dataTransfer));
      placeToWrite().focus();
    };
    const listeners = { dragenter: show(1), dragleave: show(-1), dragover: show(0), drop };
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) window.removeEventListener(name, listener);
    };
  }, [conversationId]);
  if (!isOver) return null;
  return html`<div class="drop-zone" data-testid="drop-zone"><div><${Icon} name="download" />${t("attach.drop")}</div></div>`;
}

const placeToWrite = () => document.getElementById("composer");

function droppedFiles({ items, files }) {
  const entries = [...items].filter((item) => item.kind === "file");
  const isFolder = entries.map((item) => item.webkitGetAsEntry?.()?.isDirectory ?? false);
  return [...files].filter((file, index) => !isFolder[index]);
}

/** Files that were chosen for a conversation: shown before they are sent, then handed to the uploads. */

import { notify } from "../actions.js";
import { currentUploads } from "../client.js";
import { sizeOf, t } from "../i18n.js";
import { newId } from "../ids.js";
import { store } from "../store.js";
import { kindOf, typeOf } from "./kinds.js";

const LARGEST_BYTES = 2 * 1024 ** 3;
const LARGEST_MEASURED_BYTES = 40 * 1024 ** 2;
const MOST_AT_ONCE = 50;
const NONE = [];

const { dispatch } = store;

export const attachmentsOf = (state, conversationId) => state.attachments[conversationId] ?? NONE;

/** @param {Iterable<File>} files as a file input, a drop or the clipboard gives them */
export async function attach(conversationId, files) {
  const chosen = [...files];
  const fitting = chosen.filter((file) => file.size <= LARGEST_BYTES);
  if (fitting.length < chosen.length) notify(t("attach.tooLarge", { size: sizeOf(LARGEST_BYTES) }));
  const room = MOST_AT_ONCE - attachmentsOf(store.get(), conversationId).length;
  if (fitting.length > room) notify(t("attach.tooMany", { count: MOST_AT_ONCE }));
  const added = await Promise.all(fitting.slice(0, Math.max(0, room)).map(asAttachment));
  const before = attachmentsOf(store.get(), conversationId);
  set(conversationId, [...before, ...added]);
  if (added.length) announce(t("attach.added", { name: added.map(({ name }) => name).join(", ") }));
}

export function detach(conversationId, id) {
  const before = attachmentsOf(store.get(), conversationId);
  release(before.filter((item) => item.id === id));
  set(conversationId, before.filter((item) => item.id !== id));
}

/** Send what was chosen; the text goes with the first of them. */
export function sendAttachments(conversationId, caption, replyTo) {
  const items = attachmentsOf(store.get(), conversationId);
  sendFiles(conversationId, items, { caption, replyTo });
  release(items);
  set(conversationId, []);
}

/** @param {object[]} items what `asAttachment` makes of a file */
export function sendFiles(conversationId, items, { caption, replyTo } = {}) {
  const batch = items.map(({ file, name, kind, width, height }, index) => {
    const entry = { conversationId, name, kind, width, height, mimeType: typeOf(file) };
    return { file, entry: index ? entry : { ...entry, caption, replyTo } };
  });
  currentUploads().add(batch);
  dispatch({ type: "set", values: { compose: {} } });
}

/** @returns {Promise<{id, file, name, kind, preview?, width?, height?}>} with the size of a picture, in pixels */
export async function asAttachment(file) {
  const attachment = { id: newId(), file, name: file.name || "file", kind: kindOf(typeOf(file)) };
  if (attachment.kind !== "image") return attachment;
  const preview = URL.createObjectURL(file);
  const size = file.size <= LARGEST_MEASURED_BYTES ? await measure(preview) : {};
  if (size) return { ...attachment, preview, ...size };
  URL.revokeObjectURL(preview);
  return { ...attachment, kind: "document" }; // it is no picture, whatever it is called
}

async function measure(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return { width: image.naturalWidth, height: image.naturalHeight };
  } catch {
    return null;
  }
}

function release(items) {
  for (const { preview } of items) if (preview) URL.revokeObjectURL(preview);
}

function set(conversationId, items) {
  dispatch({ type: "set", values: { attachments: { ...store.get().attachments, [conversationId]: items } } });
}

function announce(announcement) {
  dispatch({ type: "set", values: { announcement } });
}

/** What the server tells about files, kept in the screen's state; asked again while one is still on its way. */

import * as api from "../api.js";
import { useEffect } from "../preact.js";
import { retryDelay } from "../socket.js";
import { store, useSelect } from "../store.js";

const SETTLED = new Set(["ready", "failed", "deleted", "missing"]);
const asked = new Set();

/** Make sure that `state.files[fileId]` will be there, and follow a file until nothing more happens to it. */
export async function ensureFile(fileId, attempt = 0) {
  if (!fileId || (asked.has(fileId) && !attempt)) return;
  asked.add(fileId);
  const { id: myId } = store.get().me;
  const file = await api.file(fileId).catch((error) => (error.isTemporary ? null : { id: fileId, state: "missing" }));
  if (store.get().me?.id !== myId) {
    asked.delete(fileId);
    return;
  }
  if (file) learnFile(file);
  if (!SETTLED.has(file?.state)) setTimeout(() => ensureFile(fileId, attempt + 1), 500 + retryDelay(attempt));
}

/** Somebody told us already, or it happened to it what makes the known wrong. */
export function learnFile(file) {
  if (SETTLED.has(file.state)) asked.add(file.id);
  store.dispatch({ type: "fileLoaded", file });
}

export function forgetFiles() {
  asked.clear();
}

/** @returns {object|undefined} what is known of a file now; the view renders again when that changes */
export function useFile(fileId) {
  const file = useSelect((state) => state.files[fileId]);
  useEffect(() => {
    ensureFile(fileId);
  }, [fileId]);
  return file;
}

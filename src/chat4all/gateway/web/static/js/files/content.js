/** How a page gets at a file's bytes: small pictures as blobs, everything else by links that expire. */

import * as api from "../api.js";
import { useEffect, useState } from "../preact.js";

const LINK_SECONDS = 3_600;
const EARLY_MS = 120_000;
const MOST_THUMBNAILS = 300;

const links = new Map(); // file id -> {url, until}
const thumbnails = new Map(); // file id -> promise of an object URL, the longest unused first

/** A link that needs no token, so that a player can ask for ranges and a browser can download by itself. */
export async function linkTo(fileId) {
  const known = links.get(fileId);
  if (known && known.until - EARLY_MS > Date.now()) return known.url;
  const { url, expires_at: expiresAt } = await api.fileLink(fileId, LINK_SECONDS);
  links.set(fileId, { url, until: Date.parse(expiresAt) });
  return url;
}

export const dropLink = (fileId) => links.delete(fileId);

/** Save a file under its name, as the browser does it. */
export async function download(fileId, name) {
  const link = document.createElement("a");
  link.href = (await api.fileLink(fileId, LINK_SECONDS, "attachment")).url;
  link.download = name;
  link.click();
}

/** Show `blob` as the small picture of a file: the one that was just sent from here. */
export function keepThumbnail(fileId, blob) {
  remember(fileId, Promise.resolve(URL.createObjectURL(blob)));
}

function thumbnailOf(fileId) {
  const known = thumbnails.get(fileId) ?? api.fileThumbnail(fileId).then((blob) => URL.createObjectURL(blob));
  remember(fileId, known);
  known.catch(() => thumbnails.delete(fileId));
  return known;
}

function remember(fileId, promise) {
  thumbnails.delete(fileId);
  thumbnails.set(fileId, promise);
  if (thumbnails.size <= MOST_THUMBNAILS) return;
  const [oldest, url] = thumbnails.entries().next().value;
  thumbnails.delete(oldest);
  url.then(URL.revokeObjectURL, () => undefined);
}

export function forgetContent() {
  for (const promise of thumbnails.values()) promise.then(URL.revokeObjectURL, () => undefined);
  thumbnails.clear();
  links.clear();
}

/**
 * The small picture of a file, once it is there. One without a thumbnail is shown as it is.
 * @param {object} [file]
 * @returns {string|null} an address for `src`
 */
export function useThumbnail(file) {
  const wanted = file?.state === "ready" ? file.id : null;
  return useLoaded(() => (thumbnails.has(wanted) || file.has_thumbnail ? thumbnailOf(wanted) : linkTo(wanted)), wanted);
}

/** A link to a file, once it is there; none while `fileId` is null. */
export const useLink = (fileId) => useLoaded(() => linkTo(fileId), fileId);

function useLoaded(load, key) {
  const [loaded, setLoaded] = useState({});
  useEffect(() => {
    let isCurrent = true;
    const show = (url) => isCurrent && setLoaded({ key, url });
    if (key) load().then(show, (error) => console.info("a file could not be loaded:", error.message));
    return () => {
      isCurrent = false;
    };
  }, [key]);
  return loaded.key === key ? loaded.url : null;
}

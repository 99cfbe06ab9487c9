/** Small readings of user text. They return data; the views show it as text, never as markup. */

import { durationText, isVoice } from "./files/kinds.js";
import { t } from "./i18n.js";

const URL_PATTERN = /\bhttps?:\/\/[^\s<>"']+/gi;
const TRAILING = /[.,;:!?)\]}]+$/;

/**
 * Cut a text at its web addresses.
 * @returns {(string | {href: string})[]}
 */
export function splitLinks(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
    const href = withoutTrailing(match[0]);
    if (!isWebAddress(href)) continue;
    if (match.index > end) parts.push(text.slice(end, match.index));
    parts.push({ href });
    end = match.index + href.length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

/** A sentence's own punctuation does not belong to the address, but a bracket that was opened in it does. */
function withoutTrailing(url) {
  const cut = url.replace(TRAILING, "");
  return cut.includes("(") && url[cut.length] === ")" ? `${cut})` : cut;
}

function isWebAddress(href) {
  try {
    return ["http:", "https:"].includes(new URL(href).protocol);
  } catch {
    return false;
  }
}

/**
 * One line that stands for a message: in the list, in a quote, in an announcement.
 * @param {object} [file] what is known of its file, for its name and how long it takes
 */
export function snippetOf(message, file) {
  if (!message) return "";
  if (message.deleted_at || !message.payload) return t("message.deleted");
  const { type, text, caption, name } = message.payload;
  if (type === "text" || type === "template") return text;
  const sign = type === "audio" && isVoice(file) ? "🎤" : SIGNS[type];
  if (!sign) return t("message.unknown");
  return `${sign} ${[kindText(type, file), caption ?? name].filter(Boolean).join(": ")}`;
}

const SIGNS = { image: "📷", video: "🎬", audio: "🎵", document: "📎", location: "📍", contact: "👤" };

function kindText(type, file) {
  if (type === "document" && file?.name) return file.name;
  if (type !== "audio") return t(`message.${type}`);
  const what = isVoice(file) ? t("message.voice") : file.name;
  return file?.duration ? `${what} ${durationText(file.duration)}` : what;
}

/** One or two letters for someone without a picture. */
export function initialsOf(name) {
  const words = (name ?? "").trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

/** A number from 0 to 7 that is always the same for an id: picks the colour of an avatar. */
export function hueOf(id) {
  let hash = 0;
  for (const letter of id ?? "") hash = (hash * 31 + letter.codePointAt(0)) >>> 0;
  return hash % 8;
}

export const isOnlyEmoji = (text) => /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F|\u200D\p{Extended_Pictographic})*){1,3}$/u.test(text);

/** The text of a template with words in its places; a place without one stays as it is. */
export const filled = (template, words) =>
  template.text.replace(/\{\{(\d+)\}\}/g, (place, number) => words[number - 1]?.trim() || place);

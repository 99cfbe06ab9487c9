/** What a file is for the people who see it: which kind of message, which icon, which size in words. Pure. */

/** The types that every browser of today shows; others go as documents, whatever they call themselves. */
const SHOWN = {
  image: /^image\/(jpeg|png|gif|webp|avif)$/,
  video: /^video\/(mp4|webm|ogg|quicktime)$/,
  audio: /^audio\//,
};
const VOICE = /^voice\b|^ptt\b|^audio_message/i;

/** @returns {"image"|"video"|"audio"|"document"} the type of the payload that carries such a file */
export function kindOf(mimeType) {
  return Object.keys(SHOWN).find((kind) => SHOWN[kind].test(mimeType ?? "")) ?? "document";
}

/** The media type of a file of the browser, without parameters. */
export const typeOf = (file) => file.type.split(";")[0] || "application/octet-stream";

/** Whether a sound is somebody speaking rather than a piece of music: messengers' voice notes are Opus in Ogg. */
export const isVoice = (file) => !file || /^audio\/(ogg|opus)$/.test(file.mime_type) || VOICE.test(file.name);

const ICONS = [
  [/^(application\/pdf|text\/|application\/(msword|rtf)|.*(word|opendocument\.text))/, "text"],
  [/(spreadsheet|excel|csv)/, "table"],
  [/(zip|tar|rar|7z|gzip|compressed)/, "archive"],
  [/^image\//, "image"],
  [/^video\//, "film"],
  [/^audio\//, "music"],
];

export function iconOf(mimeType) {
  return ICONS.find(([pattern]) => pattern.test(mimeType ?? ""))?.[1] ?? "file";
}

/** The ending of a name, to show on the icon: "PDF"; empty when it has none that is short. */
export function endingOf(name) {
  return /\.([\p{L}\p{N}]{1,5})$/u.exec(name ?? "")?.[1].toUpperCase() ?? "";
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** "3.4 MB", in the reader's language; powers of 1,000 as on the drives that people buy. */
export function sizeText(bytes, locale) {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1_000 ** power;
  const maximumFractionDigits = power > 0 && value < 10 ? 1 : 0;
  const format = { style: "unit", unit: UNITS[power], unitDisplay: power ? "short" : "long", maximumFractionDigits };
  return new Intl.NumberFormat(locale, format).format(value);
}

/** "0:07", "12:31", "1:02:09". */
export function durationText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value) => String(value).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** The size at which to show a picture so that its place is known before it has come: pixels of CSS. */
export function fitted(width, height, { maxWidth, maxHeight, minWidth }) {
  const scale = Math.min(maxWidth / width, maxHeight / height, 1);
  const shown = Math.max(minWidth, Math.round(width * scale));
  return { width: shown, height: Math.max(minWidth / 2, Math.min(maxHeight, Math.round((shown * height) / width))) };
}

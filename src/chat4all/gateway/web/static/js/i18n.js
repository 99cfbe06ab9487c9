/** Words and dates in the reader's language. The words stand in `locales/`, one flat file per language. */

import { sizeText } from "./files/kinds.js";
import en from "./locales/en.js";
import ptBR from "./locales/pt-br.js";

const LOCALES = { en, "pt-BR": ptBR };
let locale = "en";
let words = en;
let dates = "en"; // the region decides how dates and times look: 3:54 PM, or 15:54

/** Use the language that fits `wanted` (a BCP 47 tag), English when none does. Returns the one in use. */
export function setLocale(wanted) {
  locale = /^pt\b/i.test(wanted) ? "pt-BR" : "en";
  words = LOCALES[locale];
  dates = navigator.languages?.find((tag) => sameLanguage(tag, locale)) ?? locale;
  return locale;
}

const sameLanguage = (a, b) => a.slice(0, 2).toLowerCase() === b.slice(0, 2).toLowerCase();

/** The text for `key`; `{name}` in it is replaced by `values.name`. */
export function t(key, values = {}) {
  const text = words[key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (placeholder, name) => values[name] ?? placeholder);
}

/** Like `t` for a number of things: takes `key.one` or `key.other` as the language wants. */
export function tn(key, count, values = {}) {
  const rule = new Intl.PluralRules(locale).select(count);
  const form = `${key}.${rule}` in words ? rule : "other";
  return t(`${key}.${form}`, { count: new Intl.NumberFormat(locale).format(count), ...values });
}

/** What to tell about an error: the words for its code, else what the server said. */
export function errorText(error) {
  const known = `error.${error.code}`;
  if (known in words) return t(known);
  const fields = (error.errors ?? []).map((field) => field.detail).join(" ");
  return [error.message, fields].filter(Boolean).join(" ") || t("error.unknown");
}

/** What to tell about why something did not arrive: the words for its code, else what the server said. */
export function reasonText(code, said) {
  const within = /^not (delivered|read) within (\S+) s$/.exec(code ?? "");
  if (within) return t(`reason.not_${within[1]}_within`, { time: durationOf(Number(within[2])) });
  const known = [`reason.${code}`, `error.${code}`].find((key) => key in words);
  return known ? t(known) : said || code || t("error.unknown");
}

export function channelName(channel) {
  const key = `channel.${channel}`;
  return key in words ? t(key) : channel;
}

/** The words for `name` under `group`, the name itself when there are none. */
export const named = (group, name) => words[`${group}.${name}`] ?? name;

export const sizeOf = (bytes) => sizeText(bytes, dates);

const formatters = new Map();

function formatter(options) {
  const key = dates + JSON.stringify(options);
  if (!formatters.has(key)) formatters.set(key, new Intl.DateTimeFormat(dates, options));
  return formatters.get(key);
}

export const timeOf = (at) => formatter({ hour: "2-digit", minute: "2-digit" }).format(new Date(at));

/** With seconds and their thousandths, for what follows each other closely. */
export const exactTimeOf = (at) =>
  formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }).format(new Date(at));

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** A length of time in its largest unit: 12 ms, 1.5 s, 3 min. */
export function durationOf(seconds) {
  const [unit, size] = UNITS.find(([, least]) => seconds >= least) ?? ["millisecond", 0.001];
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: unit === "millisecond" ? 0 : 1 };
  return new Intl.NumberFormat(locale, options).format(seconds / size);
}

/** How long ago something was, in its largest unit: 3 minutes ago. */
export function agoOf(at, now = new Date()) {
  const seconds = Math.max(0, Math.round((now - new Date(at)) / 1000));
  const [unit, size] = UNITS.find(([, least]) => seconds >= least) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-Math.floor(seconds / size), unit);
}

export const numberOf = (value) => new Intl.NumberFormat(locale, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);

/** A part of a whole in per cent, null for none; what is nearly all does not become all. */
export const percentOf = (part) =>
  part === null
    ? null
    : new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 2, roundingMode: "floor" }).format(part);

export const fullTimeOf = (at) => formatter({ dateStyle: "full", timeStyle: "medium" }).format(new Date(at));

/** The heading over a day's messages: "Today", "Yesterday", a weekday, or the date. */
export function dayOf(at, now = new Date()) {
  const days = daysBetween(new Date(at), now);
  if (days <= 1 && days >= 0) {
    const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-days, "day");
    return relative.charAt(0).toUpperCase() + relative.slice(1);
  }
  if (days > 0 && days < 7) return formatter({ weekday: "long" }).format(new Date(at));
  return formatter({ day: "numeric", month: "long", year: "numeric" }).format(new Date(at));
}

/** A moment to come, or one not long ago: "Tomorrow, 9:00", or the date and the time. */
export function momentOf(at, now = new Date()) {
  const date = new Date(at);
  const days = daysBetween(now, date);
  if (Math.abs(days) > 1) {
    const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
    return formatter({ weekday: "short", day: "numeric", month: "short", year, hour: "2-digit", minute: "2-digit" }).format(date);
  }
  const day = new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day");
  return `${day.charAt(0).toUpperCase()}${day.slice(1)}, ${timeOf(date)}`;
}

/** The short time in a list: the hour today, else the weekday or the date. */
export function shortTimeOf(at, now = new Date()) {
  const days = daysBetween(new Date(at), now);
  if (days <= 0) return timeOf(at);
  if (days < 7) return formatter({ weekday: "short" }).format(new Date(at));
  return formatter({ day: "2-digit", month: "2-digit", year: "2-digit" }).format(new Date(at));
}

export const isSameDay = (a, b) => daysBetween(new Date(a), new Date(b)) === 0;

function daysBetween(earlier, later) {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}

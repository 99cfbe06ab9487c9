/** What the reader chose about looks and language, kept in this browser. */

import { setLocale } from "./i18n.js";

const KEY = "chat4all.preferences";
const DEFAULTS = { theme: "auto", language: "auto" };

/** @returns {{theme: "auto"|"dark"|"light", language: "auto"|"en"|"pt-BR"}} */
export function readPreferences() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) || "{}") };
  } catch {
    return { ...DEFAULTS };
  }
}

/** Keep the preferences and put them into effect. Returns the locale now in use. */
export function savePreferences(preferences) {
  localStorage.setItem(KEY, JSON.stringify(preferences));
  return applyPreferences(preferences);
}

export function applyPreferences({ theme, language } = readPreferences()) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const wanted = language === "auto" ? navigator.language : language;
  const locale = setLocale(wanted);
  document.documentElement.lang = locale;
  return locale;
}

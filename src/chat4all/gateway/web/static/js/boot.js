/* Runs before the first paint, so that a chosen theme or language does not flash. Not a module: modules wait. */
(() => {
  "use strict";
  try {
    const saved = JSON.parse(localStorage.getItem("chat4all.preferences") || "{}");
    if (saved.theme === "dark" || saved.theme === "light") document.documentElement.dataset.theme = saved.theme;
  } catch {
    localStorage.removeItem("chat4all.preferences");
  }
})();

/** The page's side of the service worker: has it keep the page, and goes where a notification leads. */

const OPENS = "chat4all.open";

/** Whether this browser can keep the page: it has to come over https, or from this machine. */
export const hasWorker = () => "serviceWorker" in navigator && window.isSecureContext;

/** @param {(conversationId: string|null) => void} open called when a notification was clicked */
export async function startWorker(open) {
  if (!hasWorker()) return;
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data?.type === OPENS) open(data.conversation ?? null);
  });
  document.addEventListener("visibilitychange", forgetShown);
  await navigator.serviceWorker.register("worker.js");
  const { active } = await navigator.serviceWorker.ready;
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  active.postMessage({ keep: [location.origin + location.pathname, ...loaded] });
  await forgetShown();
}

/** Who looks at the page needs no notification any more, and no badge. */
async function forgetShown() {
  if (document.visibilityState !== "visible") return;
  const registration = await navigator.serviceWorker.getRegistration();
  for (const one of (await registration?.getNotifications()) ?? []) one.close();
  await navigator.clearAppBadge?.().catch(() => undefined);
}

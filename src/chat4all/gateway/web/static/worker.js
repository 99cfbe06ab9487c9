/* The service worker: keeps the page for when there is no network, and shows notifications while no page is open. */
"use strict";

const KEPT = "chat4all.shell";
const SHELL = /^\/($|manifest\.webmanifest$|(css|icons|js|vendor)\/)/;
const OPENS = "chat4all.open";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  if (event.data?.keep) event.waitUntil(keep(event.data.keep));
});

/** Keep what the first page loaded before this worker was there. */
async function keep(addresses) {
  const cache = await caches.open(KEPT);
  const wanted = addresses.filter((address) => isShell(new URL(address, location.origin)));
  await Promise.allSettled(wanted.map((address) => cache.add(address)));
}

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && isShell(new URL(event.request.url))) event.respondWith(freshOrKept(event.request));
});

function isShell({ origin, pathname }) {
  return origin === location.origin && SHELL.test(pathname);
}

/** What the server has now; without it, what it had before. */
async function freshOrKept(request) {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(request, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("push", (event) => event.waitUntil(show(event.data?.json() ?? {})));

/** One notification for each conversation: a newer one, or the same once more, takes its place. */
async function show({ kind, title = "Chat4All", body = "", conversation_id: conversation, at, unread }) {
  if (unread !== undefined) await self.navigator.setAppBadge?.(unread).catch(() => undefined);
  await self.registration.showNotification(title, {
    body,
    tag: conversation ?? kind ?? "chat4all",
    renotify: true,
    icon: "icons/app.svg",
    timestamp: at ? Date.parse(at) : Date.now(),
    data: { conversation },
  });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(land(event.notification.data?.conversation));
});

/** Bring a page that is open to the conversation, or open one. */
async function land(conversation) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find(({ url }) => new URL(url).pathname === "/");
  if (!page) return self.clients.openWindow(conversation ? `/#/c/${encodeURIComponent(conversation)}` : "/");
  page.postMessage({ type: OPENS, conversation });
  return page.focus();
}

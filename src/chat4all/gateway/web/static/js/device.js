/** Notifications on this device while no page is open: the browser's push subscription, known to the server. */

import * as api from "./api.js";
import { hasWorker } from "./worker.js";

const KEY = "chat4all.device";

export class NotAllowed extends Error {
  code = "notifications_blocked";
}

export const canNotify = () => hasWorker() && "PushManager" in window && "Notification" in window;

const known = () => localStorage.getItem(KEY);

/** The device as the server has it, or null when it is told nothing. */
export async function currentDevice() {
  if (!canNotify() || !known()) return null;
  try {
    return await api.device(known());
  } catch (error) {
    if (error.status !== 404) throw error;
    localStorage.removeItem(KEY);
    return null;
  }
}

/** Ask the person, subscribe at the browser's push service, and tell the server. Throws NotAllowed. */
export async function switchOn() {
  if ((await Notification.requestPermission()) !== "granted") throw new NotAllowed();
  const { public_key: key } = await api.pushKey();
  const { pushManager } = await navigator.serviceWorker.ready;
  return register(await subscribed(pushManager, key));
}

/** Subscriptions end and change: what the browser has now is told at each start. */
export async function renewDevice() {
  if (!canNotify() || !known() || Notification.permission !== "granted") return;
  const { public_key: key } = await api.pushKey();
  const { pushManager } = await navigator.serviceWorker.ready;
  await register(await subscribed(pushManager, key));
}

export async function switchOff() {
  const device = known();
  localStorage.removeItem(KEY);
  if (device) await api.removeDevice(device).catch((error) => error.status !== 404 && Promise.reject(error));
  const registration = hasWorker() ? await navigator.serviceWorker.getRegistration() : null;
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}

/** @param {{quiet_hours?: object|null, show_content?: boolean}} changes to what the device wants */
export const changeWishes = (device, changes) =>
  api.changeDevice(device.id, { preferences: { ...device.preferences, ...changes } });

async function subscribed(pushManager, key) {
  const options = { userVisibleOnly: true, applicationServerKey: key };
  try {
    return await pushManager.subscribe(options);
  } catch (error) {
    if (error.name !== "InvalidStateError") throw error;
    await (await pushManager.getSubscription())?.unsubscribe(); // it was made with another key
    return pushManager.subscribe(options);
  }
}

async function register(subscription) {
  const { endpoint, keys } = subscription.toJSON();
  const device = await api.registerDevice({ endpoint, keys, device: navigator.userAgentData?.platform ?? "" });
  localStorage.setItem(KEY, device.id);
  return device;
}

/** Who is signed in: tokens in localStorage, shared by all tabs, refreshed once for all of them. */

import { ApiError, call } from "./http.js";

const KEY = "chat4all.session";
const EARLY_SECONDS = 30;
const endListeners = new Set();

/** @returns {{access_token: string, refresh_token?: string, expires_at: number}|null} */
export function currentSession() {
  try {
    return JSON.parse(localStorage.getItem(KEY) || "null");
  } catch {
    return null;
  }
}

export async function signIn(username, password) {
  keep(await call("POST", "/v1/auth/token", { form: { grant_type: "password", username, password } }));
}

export async function signUp({ username, password, displayName }) {
  const json = { username, password };
  if (displayName) json.display_name = displayName;
  await call("POST", "/v1/auth/register", { json });
  await signIn(username, password);
}

export async function signOut() {
  const session = currentSession();
  end();
  if (!session?.refresh_token) return;
  const { access_token: token, refresh_token } = session;
  try {
    await call("POST", "/v1/auth/revoke", { form: { token: refresh_token, token_type_hint: "refresh_token" }, token });
  } catch (error) {
    console.warn("the server did not revoke the session:", error.message);
  }
}

/** @param {() => void} listener called when the session is over, in this tab or another one */
export function onSessionEnd(listener) {
  endListeners.add(listener);
  return () => endListeners.delete(listener);
}

/** A token that is good for some time yet. Throws ApiError 401 when there is none to be had. */
export async function freshToken() {
  const session = currentSession();
  if (!session) throw new ApiError(401, { code: "signed_out" });
  if (session.expires_at - EARLY_SECONDS > Date.now() / 1000) return session.access_token;
  return refresh(session.access_token);
}

/**
 * Replace a token that is about to expire, or that the server refused. Refresh tokens rotate and using one twice ends
 * the session, so the tabs take turns, and one that comes late uses what the first one got.
 * @param {string} staleToken
 */
export function refresh(staleToken) {
  return exclusively(async () => {
    const session = currentSession();
    if (!session) throw new ApiError(401, { code: "signed_out" });
    if (session.access_token !== staleToken) return session.access_token;
    if (!session.refresh_token) return giveUp(new ApiError(401, { code: "session_expired" }));
    const form = { grant_type: "refresh_token", refresh_token: session.refresh_token };
    try {
      return keep(await call("POST", "/v1/auth/token", { form }));
    } catch (error) {
      if (error.isTemporary) throw error;
      return giveUp(error);
    }
  });
}

let turn = Promise.resolve();

function exclusively(work) {
  if (navigator.locks) return navigator.locks.request("chat4all.refresh", work);
  const mine = turn.then(work);
  turn = mine.catch(() => undefined);
  return mine;
}

function keep(answer) {
  const session = {
    access_token: answer.access_token,
    refresh_token: answer.refresh_token,
    expires_at: Date.now() / 1000 + (answer.expires_in ?? 3600),
  };
  localStorage.setItem(KEY, JSON.stringify(session));
  return session.access_token;
}

function giveUp(error) {
  end();
  throw error;
}

function end() {
  localStorage.removeItem(KEY);
  for (const listener of endListeners) listener();
}

window.addEventListener("storage", (event) => {
  if (event.key === KEY && event.newValue === null) for (const listener of endListeners) listener();
});

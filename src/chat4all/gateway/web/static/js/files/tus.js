/** The client's side of tus 1.0.0: where an upload stands, and the rest of its bytes. */

import { ApiError, asError } from "../http.js";
import { freshToken, refresh } from "../session.js";

const VERSION = "1.0.0";
const SILENCE_MS = 30_000; // without any progress, the connection is taken for dead

/**
 * Send what the server does not have yet.
 * @param {Blob} blob the whole file
 * @param {{url: string, chunkSize: number, signal: AbortSignal, onProgress: (done: number) => void}} options
 * @throws {ApiError} status 0 when the network failed: the same call goes on later from where it stopped
 */
export async function upload(blob, { url, chunkSize, signal, onProgress }) {
  let offset = await offsetOf(url, signal);
  onProgress(offset);
  while (offset < blob.size) {
    const from = offset;
    const chunk = blob.slice(from, from + chunkSize);
    const answer = await ask("PATCH", url, {
      headers: { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(from) },
      body: chunk,
      signal,
      onProgress: (sent) => onProgress(from + Math.min(sent, chunk.size)),
    });
    offset = offsetIn(answer);
    if (offset <= from) throw new ApiError(0, { code: "unreachable" });
    onProgress(offset);
  }
}

/** Tell the server that the rest will not come; it may drop what it has. */
export const terminate = (url) => ask("DELETE", url);

async function offsetOf(url, signal) {
  return offsetIn(await ask("HEAD", url, { signal }));
}

function offsetIn(request) {
  return Number(request.getResponseHeader("Upload-Offset"));
}

async function ask(method, url, options = {}) {
  const token = await freshToken();
  try {
    return await send(method, url, { ...options, token });
  } catch (error) {
    if (error.status !== 401) throw error;
    return send(method, url, { ...options, token: await refresh(token) });
  }
}

/** One request. Not `fetch`, which does not tell how much of a body has gone out. */
function send(method, url, { headers = {}, body, signal, onProgress, token }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence = null;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), SILENCE_MS);
    };
    const giveUp = () => request.abort();
    const ended = (settle) => () => {
      clearTimeout(silence);
      signal?.removeEventListener("abort", giveUp);
      settle();
    };
    request.open(method, url);
    const all = { "Tus-Resumable": VERSION, Authorization: `Bearer ${token}`, ...headers };
    for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      heard();
      onProgress?.(event.loaded);
    };
    request.onload = ended(() => (request.status < 400 ? resolve(request) : reject(refusal(request))));
    request.onerror = ended(() => reject(new ApiError(0, { code: "unreachable" })));
    request.onabort = ended(() => reject(signal?.aborted ? signal.reason : new ApiError(0, { code: "unreachable" })));
    if (signal?.aborted) {
      request.onabort();
      return;
    }
    signal?.addEventListener("abort", giveUp);
    heard();
    request.send(body);
  });
}

function refusal(request) {
  let problem = {};
  try {
    problem = JSON.parse(request.responseText || "{}");
  } catch {
    problem.detail = request.statusText; // a proxy's own page
  }
  return asError(request.status, problem, request.getResponseHeader("Retry-After"));
}

/** The SHA-256 of a file, computed in a worker so that the page stays quick. */

let worker = null;
let lastId = 0;
const waiting = new Map();

function theWorker() {
  if (worker) return worker;
  worker = new Worker(new URL("./hash-worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => waiting.get(data.id)?.(data));
  worker.addEventListener("error", () => {
    for (const [id, settle] of waiting) settle({ id, error: "the worker stopped" });
    worker = null;
  });
  return worker;
}

/**
 * @param {Blob} blob
 * @param {{onProgress?: (done: number) => void, signal?: AbortSignal}} [options] `done` in bytes
 * @returns {Promise<string>} `sha256:<64 hex digits>`; rejects when the file cannot be read, or with the signal's reason
 */
export function checksumOf(blob, { onProgress, signal } = {}) {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve, reject) => {
    const stop = () => {
      worker?.postMessage({ id });
      settle({ error: signal.reason });
    };
    const settle = ({ done, checksum, error }) => {
      if (done !== undefined) {
        onProgress?.(done);
        return;
      }
      waiting.delete(id);
      signal?.removeEventListener("abort", stop);
      if (checksum) resolve(checksum);
      else reject(error instanceof Error ? error : new Error(error));
    };
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    signal?.addEventListener("abort", stop);
    waiting.set(id, settle);
    theWorker().postMessage({ id, blob });
  });
}

/** A worker that hashes one file after another, some megabytes of it in memory at a time. */

import { Sha256 } from "./sha256.js";

const SLICE_BYTES = 4 * 1024 * 1024;

const cancelled = new Set();
let turn = Promise.resolve();

self.addEventListener("message", ({ data: { id, blob } }) => {
  if (!blob) cancelled.add(id);
  else turn = turn.then(() => hash(id, blob)).catch((error) => self.postMessage({ id, error: error.message }));
});

async function hash(id, blob) {
  const sum = new Sha256();
  for (let from = 0; from < blob.size; from += SLICE_BYTES) {
    const bytes = await blob.slice(from, from + SLICE_BYTES).arrayBuffer();
    if (cancelled.delete(id)) return;
    sum.update(new Uint8Array(bytes));
    self.postMessage({ id, done: from + bytes.byteLength });
  }
  self.postMessage({ id, checksum: `sha256:${sum.digest()}` });
}

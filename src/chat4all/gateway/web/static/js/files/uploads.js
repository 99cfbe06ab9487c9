/** Files on their way to the server: in order within a batch, paused, resumed, repeated until they are there. */

import { ApiError } from "../http.js";
import { newId } from "../ids.js";
import { retryDelay } from "../socket.js";
import { checksumOf } from "./checksum.js";
import * as tus from "./tus.js";

const MOST_AT_ONCE = 3;
const TELL_EVERY_MS = 200;
const RUNNING = new Set(["hashing", "uploading", "checking"]);
/** Signed out, another request is still at it, or a part was damaged on the way. */
const AGAIN = new Set([401, 409, 423, 460]);
const ENDED = new Set([404, 410]);

/** What stops a transfer that is to go on later. */
class Interrupted extends Error {}

/**
 * An entry is {id (of the message to be), fileId, conversationId, batchId, order, createdAt, name, size, mimeType, kind,
 * caption?, replyTo?, width?, height?, checksum?, url?, chunkSize?, state, done (bytes), error?}. Its state is "waiting"
 * for its turn, "hashing", "uploading", "checking" (the server verifies), "paused", "offline" (tried again by itself),
 * "lost" (the page was closed and the bytes are gone: the same file has to be chosen again) or "failed".
 */
export class Uploads {
  #entries = [];
  #blobs = new Map();
  #running = new Map(); // id -> AbortController
  #timers = new Map();
  #attempts = new Map();
  #locks = new Map();
  #toldAt = 0;

  /**
   * @param {object} options
   * @param {import("./upload-storage.js").UploadStorage} options.storage
   * @param {{initiateFile, completeFile, file}} options.api
   * @param {(message: object, file: object) => void} options.deliver sends the message of a file that is there
   * @param {(entries: object[]) => void} options.onChange
   */
  constructor({ storage, api, deliver, onChange }) {
    this.storage = storage;
    this.api = api;
    this.deliver = deliver;
    this.onChange = onChange;
  }

  /** Take up what an earlier page left, unless another tab is at it. */
  async restore() {
    for (const { record, blob } of await this.storage.load()) {
      if (this.#find(record.id) || !(await this.#claim(record.id))) continue;
      if (blob) this.#blobs.set(record.id, blob);
      const isWaiting = !["paused", "failed"].includes(record.state);
      const state = blob ? (isWaiting ? "waiting" : record.state) : "lost";
      this.#replace([...this.#entries, { ...record, state, done: record.done ?? 0 }]);
      if (!blob && record.url) this.#lookFor(record.id);
    }
    this.pump();
  }

  blobOf(id) {
    return this.#blobs.get(id);
  }

  /** @param {{file: File|Blob, entry: object}[]} batch sent one after the other, in this order */
  add(batch) {
    const batchId = newId();
    const first = Math.max(Date.now(), (this.#entries.at(-1)?.order ?? 0) + 1);
    const createdAt = new Date().toISOString();
    for (const [index, { file, entry }] of batch.entries()) {
      const added = { ...entry, id: newId(), fileId: newId(), batchId, order: first + index, createdAt };
      this.#blobs.set(added.id, file);
      this.#claim(added.id);
      this.storage.keep(added.id, file);
      this.#replace([...this.#entries, { ...added, size: file.size, state: "waiting", done: 0 }]);
      this.#save(added.id);
    }
    this.pump();
  }

  /** Start what may be started now: one of a batch, and a few batches at once. */
  pump() {
    const busy = new Set();
    for (const { id, batchId, state } of this.#entries) {
      if (!RUNNING.has(state) && state !== "offline" && state !== "waiting") continue;
      if (!busy.has(batchId) && state === "waiting" && this.#running.size < MOST_AT_ONCE) this.#run(id);
      busy.add(batchId);
    }
  }

  /** The network is back: what waits for it goes on at once. */
  wake() {
    for (const { id, state } of this.#entries) if (state === "offline") this.#again(id);
    this.pump();
  }

  pause(id) {
    this.#stop(id);
    this.#change(id, { state: "paused" });
    this.#save(id);
    this.pump();
  }

  /** Go on after a pause; after a failure, begin anew. */
  resume(id) {
    if (this.#find(id)?.state === "failed") this.#change(id, AFRESH());
    this.#attempts.delete(id);
    this.#again(id);
    this.#save(id);
    this.pump();
  }

  cancel(id) {
    const entry = this.#find(id);
    if (!entry) return;
    this.#stop(id);
    if (entry.url) tus.terminate(entry.url).catch(() => undefined); // it expires by itself otherwise
    this.#forget(id);
    this.pump();
  }

  /** The person chose the file of a "lost" upload once more. */
  async choose(id, file) {
    const entry = this.#find(id);
    if (file.size !== entry.size) return this.#change(id, { error: { code: "other_file" } });
    this.#change(id, { state: "hashing", done: 0, error: undefined });
    const checksum = await checksumOf(file, { onProgress: (done) => this.#progress(id, done) }).catch(() => null);
    if (!checksum || (entry.checksum && checksum !== entry.checksum)) {
      return this.#change(id, { state: "lost", error: { code: checksum ? "other_file" : "unreadable_file" } });
    }
    this.#blobs.set(id, file);
    this.#change(id, { state: "waiting", checksum });
    return this.pump();
  }

  /** The page or the session ends; what is not finished is kept for the next one. */
  stop() {
    for (const { id } of this.#entries) this.#stop(id);
    for (const release of this.#locks.values()) release();
    this.onChange = () => undefined;
  }

  async #run(id) {
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      const file = await this.#transfer(id, controller.signal);
      controller.signal.throwIfAborted();
      this.#running.delete(id);
      this.#finish(id, file);
    } catch (error) {
      if (this.#running.get(id) === controller) this.#running.delete(id);
      if (!(error instanceof Interrupted)) this.#failed(id, error);
    }
    this.pump();
  }

  /** From wherever it stands to a file that the server has verified. */
  async #transfer(id, signal) {
    const blob = this.#blobs.get(id);
    const onProgress = (done) => this.#progress(id, done);
    if (!this.#find(id).checksum) {
      this.#change(id, { state: "hashing", done: 0, error: undefined });
      const checksum = await checksumOf(blob, { onProgress, signal });
      this.#change(id, { checksum, done: 0 });
      await this.#save(id);
    }
    this.#change(id, { state: "uploading", error: undefined });
    const known = this.#find(id).url && (await this.api.file(this.#find(id).fileId));
    if (known?.state === "ready") return known;
    if (!known) await this.#initiate(id);
    signal.throwIfAborted();
    const { url, chunkSize, fileId } = this.#find(id);
    await tus.upload(blob, { url, chunkSize, signal, onProgress });
    this.#change(id, { state: "checking", done: blob.size });
    return this.api.completeFile(fileId);
  }

  /** The server may have all of it already, when the page was closed at the last moment. */
  async #lookFor(id) {
    const file = await this.api.file(this.#find(id).fileId).catch(() => null);
    if (file?.state === "ready") this.#finish(id, file);
  }

  async #initiate(id) {
    const { fileId, name, size, mimeType, checksum, conversationId } = this.#find(id);
    const answer = await this.api.initiateFile({
      file_id: fileId,
      name,
      size,
      mime_type: mimeType,
      checksum,
      conversation_id: conversationId,
    });
    this.#change(id, { fileId: answer.file_id, url: answer.upload_url, chunkSize: answer.chunk_size });
    await this.#save(id);
  }

  #finish(id, file) {
    const { fileId, kind, caption, conversationId, replyTo } = this.#find(id) ?? {};
    if (!fileId) return;
    const payload = { type: kind, file_id: fileId };
    if (caption) payload.caption = caption;
    const message = { message_id: id, conversation_id: conversationId, payload };
    if (replyTo) message.reply_to = replyTo;
    this.deliver(message, file);
    this.#forget(id);
  }

  #failed(id, error) {
    const entry = this.#find(id);
    if (!entry) return;
    if (!(error instanceof ApiError)) {
      this.#blobs.delete(id); // the file was moved or changed since it was chosen
      this.#change(id, { ...AFRESH(), state: "lost", error: { code: "unreadable_file" } });
    } else if (ENDED.has(error.status) && entry.url && !entry.startedAfresh) {
      this.#change(id, { ...AFRESH(), checksum: entry.checksum, state: "waiting", startedAfresh: true });
    } else if (error.isTemporary || AGAIN.has(error.status)) {
      this.#retryLater(id, error);
    } else {
      this.#change(id, { state: "failed", error: { code: error.code, detail: error.message } });
    }
    this.#save(id);
  }

  #retryLater(id, error) {
    const attempt = this.#attempts.get(id) ?? 0;
    this.#attempts.set(id, attempt + 1);
    this.#change(id, { state: "offline", error: { code: error.code, detail: error.message } });
    const delay = Math.max(retryDelay(attempt), (error.retryAfter ?? 0) * 1_000);
    const again = () => {
      this.#again(id);
      this.pump();
    };
    this.#timers.set(id, setTimeout(again, delay));
  }

  #again(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#change(id, { state: "waiting" });
  }

  #stop(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#running.get(id)?.abort(new Interrupted());
    this.#running.delete(id);
  }

  #forget(id) {
    this.storage.remove(id);
    this.#blobs.delete(id);
    this.#attempts.delete(id);
    this.#locks.get(id)?.();
    this.#locks.delete(id);
    this.#replace(this.#entries.filter((entry) => entry.id !== id));
  }

  #progress(id, done) {
    this.#attempts.delete(id); // it gets on: the next break is a new one
    const isTold = Date.now() - this.#toldAt >= TELL_EVERY_MS;
    if (isTold) this.#toldAt = Date.now();
    this.#change(id, { done }, isTold);
  }

  #find(id) {
    return this.#entries.find((entry) => entry.id === id);
  }

  #save(id) {
    const entry = this.#find(id);
    return entry && this.storage.save(entry);
  }

  #change(id, values, isTold = true) {
    this.#replace(
      this.#entries.map((entry) => (entry.id === id ? { ...entry, ...values } : entry)),
      isTold,
    );
  }

  #replace(entries, isTold = true) {
    this.#entries = entries;
    if (isTold) this.onChange(entries);
  }

  /** Only one tab works at an upload. Without locks (plain http) the server refuses the second. */
  #claim(id) {
    if (!navigator.locks) return true;
    return new Promise((resolve) => {
      const hold = (lock) => {
        resolve(Boolean(lock));
        return lock ? new Promise((release) => this.#locks.set(id, release)) : undefined;
      };
      navigator.locks.request(`chat4all.upload.${id}`, { ifAvailable: true }, hold);
    });
  }
}

/** An upload from its beginning, as a new file of the server's. */
const AFRESH = () => ({ fileId: newId(), url: undefined, checksum: undefined, done: 0 });

/** Messages that the server does not have for sure yet: kept over reloads, sent in order, repeated until answered. */

const ANSWER_MS = 10_000;
const RETRY_MS = 3_000;
const TEMPORARY = /^(rate_limited|unavailable|storage_full|channel_error|error)$/;

/** Entries in a `Storage`, one key each, so that two tabs do not write over each other. */
export class OutboxStorage {
  /** @param {Storage} storage */
  constructor(storage, userId) {
    this.storage = storage;
    this.prefix = `chat4all.outbox.${userId}.`;
  }

  load() {
    const keys = Object.keys(this.storage).filter((key) => key.startsWith(this.prefix));
    const entries = keys.map((key) => JSON.parse(this.storage.getItem(key)));
    return entries.sort((a, b) => a.order - b.order);
  }

  save(entry) {
    this.storage.setItem(this.prefix + entry.message.message_id, JSON.stringify(entry));
  }

  remove(messageId) {
    this.storage.removeItem(this.prefix + messageId);
  }
}

/**
 * Sends one message of a conversation at a time, the next when the one before was accepted, so that what arrives is in
 * the order in which it was written. An entry is {message, order, created_at, state, error?}; its state is "queued",
 * "sending", "accepted" (the server has it, its place is not known yet) or "failed" (refused; waits for the writer).
 */
export class Outbox {
  #entries;
  #timers = new Map();

  /**
   * @param {object} options
   * @param {OutboxStorage} options.storage
   * @param {(frame: object) => boolean} options.transmit
   * @param {(entries: object[]) => void} options.onChange
   */
  constructor({ storage, transmit, onChange }) {
    this.storage = storage;
    this.transmit = transmit;
    this.onChange = onChange;
    this.#entries = storage.load().map((entry) => (entry.state === "failed" ? entry : { ...entry, state: "queued" }));
    onChange(this.#entries);
  }

  get entries() {
    return this.#entries;
  }

  add(message) {
    const order = Math.max(Date.now(), (this.#entries.at(-1)?.order ?? 0) + 1);
    const entry = { message, order, created_at: new Date().toISOString(), state: "queued" };
    this.storage.save(entry);
    this.#replace([...this.#entries, entry]);
    this.pump();
  }

  /** Send what may be sent now. */
  pump() {
    const busy = new Set();
    for (const { message, state } of this.#entries) {
      if (state === "accepted" || state === "failed" || busy.has(message.conversation_id)) continue;
      busy.add(message.conversation_id);
      if (state === "queued" && !this.#timers.has(message.message_id)) this.#send(message);
    }
  }

  accepted(messageId) {
    this.#stopTimer(messageId);
    this.#mark(messageId, "accepted");
    this.pump();
  }

  /** The message came back with its place in the conversation. */
  stored(messageId) {
    if (!this.#find(messageId)) return;
    this.discard(messageId);
  }

  refused(messageId, { code, detail, retry_after: retryAfter = 0 }) {
    if (!this.#find(messageId)) return;
    this.#stopTimer(messageId);
    if (TEMPORARY.test(code)) {
      this.#mark(messageId, "queued");
      this.#again(messageId, Math.max(RETRY_MS, retryAfter * 1_000));
      return;
    }
    this.#mark(messageId, "failed", { code, detail });
    this.pump();
  }

  /** The connection is gone: nobody knows what arrived, so all of it is sent again when it is back. */
  disconnected() {
    for (const messageId of [...this.#timers.keys()]) this.#stopTimer(messageId);
    this.#replace(this.#entries.map((entry) => (entry.state === "failed" ? entry : { ...entry, state: "queued" })));
  }

  retry(messageId) {
    this.#mark(messageId, "queued");
    this.pump();
  }

  discard(messageId) {
    this.#stopTimer(messageId);
    this.storage.remove(messageId);
    this.#replace(this.#entries.filter((entry) => entry.message.message_id !== messageId));
    this.pump();
  }

  #send(message) {
    if (!this.transmit({ type: "send", request_id: message.message_id, message })) return;
    this.#mark(message.message_id, "sending");
    this.#again(message.message_id, ANSWER_MS);
  }

  #again(messageId, delay) {
    const repeat = () => {
      this.#timers.delete(messageId);
      this.#mark(messageId, "queued");
      this.pump();
    };
    this.#timers.set(messageId, setTimeout(repeat, delay));
  }

  #stopTimer(messageId) {
    clearTimeout(this.#timers.get(messageId));
    this.#timers.delete(messageId);
  }

  #find(messageId) {
    return this.#entries.find((entry) => entry.message.message_id === messageId);
  }

  #mark(messageId, state, error) {
    const entry = this.#find(messageId);
    if (!entry) return;
    const marked = { ...entry, state, error };
    if (state === "failed" || entry.state === "failed") this.storage.save(marked);
    this.#replace(this.#entries.map((known) => (known === entry ? marked : known)));
  }

  #replace(entries) {
    this.#entries = entries;
    this.onChange(entries);
  }
}

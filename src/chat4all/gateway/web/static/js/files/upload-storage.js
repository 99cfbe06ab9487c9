/**
 * Unfinished uploads, kept in IndexedDB over a reload: what is known of each, and the bytes of those that are not too
 * large. A browser that refuses to keep them (a private window, a full disk) only loses the going on after a reload.
 */

const DATABASE = "chat4all";
const LARGEST_KEPT_BYTES = 256 * 1024 * 1024;

export class UploadStorage {
  #database = null;

  constructor(userId) {
    this.userId = userId;
  }

  /** @returns {Promise<{record: object, blob: Blob|null}[]>} in the order in which they were added */
  async load() {
    const all = (await this.#in("records", "readonly", (store) => store.getAll())) ?? [];
    const mine = all.filter((record) => record.userId === this.userId).sort((a, b) => a.order - b.order);
    return Promise.all(mine.map(async (record) => ({ record, blob: await this.#blob(record.id) })));
  }

  save(record) {
    return this.#in("records", "readwrite", (store) => store.put({ ...record, userId: this.userId }));
  }

  /** Keep the bytes too, when they are not too many. */
  async keep(id, blob) {
    if (blob.size <= LARGEST_KEPT_BYTES) await this.#in("blobs", "readwrite", (store) => store.put(blob, id));
  }

  async remove(id) {
    await this.#in("records", "readwrite", (store) => store.delete(id));
    await this.#in("blobs", "readwrite", (store) => store.delete(id));
  }

  async #blob(id) {
    return (await this.#in("blobs", "readonly", (store) => store.get(id))) ?? null;
  }

  async #in(name, mode, work) {
    try {
      this.#database ??= open();
      const transaction = (await this.#database).transaction(name, mode);
      const request = work(transaction.objectStore(name));
      return await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } catch (error) {
      console.info("this browser keeps no uploads over a reload:", error?.message);
      return undefined;
    }
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("records", { keyPath: "id" });
      request.result.createObjectStore("blobs");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

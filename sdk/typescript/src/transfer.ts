/** What sending and fetching large files share: patience, and checksums. */

import { FileChanged, NotReached, Refused } from "./errors.js";
import { Backoff, Deadline, sleep } from "./pauses.js";
import { Sha256 } from "./sha256.js";

/** Seconds to try again while nothing gets through. */
const GIVE_UP_SECONDS = 120;
/** Answers after which the same may work later; a file's own are among them. */
const LATER: readonly number[] = [408, 409, 423, 429, 502, 503, 504, 507];
const PIECE = 2 ** 20;

/** Is told how many bytes are there, and of how many. */
export type Progress = (done: number, size: number) => void;

/** How a transfer is made. */
export interface TransferOptions {
  readonly progress?: Progress;
  /** Ends it; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Waits between tries, longer each time, and gives up when nothing gets through. */
export class Patience {
  readonly #backoff = new Backoff();
  #deadline = new Deadline(GIVE_UP_SECONDS);

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** Begins anew: something got through. */
  progressed(): void {
    this.#deadline = new Deadline(GIVE_UP_SECONDS);
    this.#backoff.reset();
  }

  /** Waits for the next try after a failure that may not last; throws any other, and when it was enough. */
  async wait(failure: unknown): Promise<void> {
    const mayPass =
      failure instanceof Refused ? LATER.includes(failure.status) : failure instanceof NotReached;
    if (!mayPass || this.#deadline.left === 0) throw failure;
    const told = failure instanceof Refused ? failure.retryAfter : null;
    await sleep(Math.max(told ?? 0, this.#backoff.next()), this.signal);
  }
}

/** Returns some bytes of a file. Throws `FileChanged`. */
export async function bytesOf(file: Blob, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const bytes = new Uint8Array(await file.slice(from, to).arrayBuffer());
    if (bytes.length === to - from) return bytes;
  } catch (cause) {
    throw new FileChanged("the file cannot be read, or changed meanwhile", { cause });
  }
  throw new FileChanged("the file became shorter while it was sent");
}

/** Returns `sha256:<hex>` of a file, however large, without reading all of it at once. */
export async function sha256Of(file: Blob, signal?: AbortSignal): Promise<string> {
  const sha256 = new Sha256();
  for (let at = 0; at < file.size; at += PIECE) {
    signal?.throwIfAborted();
    sha256.update(await bytesOf(file, at, Math.min(at + PIECE, file.size)));
  }
  return `sha256:${sha256.digest()}`;
}

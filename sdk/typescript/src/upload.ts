/**
 * Sends a file by tus 1.0.0, and goes on where it broke off.
 *
 * https://tus.io/protocols/resumable-upload
 */

import type { Answered, Connection } from "./connection.js";
import { NotReached, refusal, UploadLost } from "./errors.js";
import type { Asked } from "./http.js";
import { bytesOf, Patience, type TransferOptions } from "./transfer.js";

const TUS = { "Tus-Resumable": "1.0.0" };
const BYTES = { ...TUS, "Content-Type": "application/offset+octet-stream" };
/** The bytes of the first request; as long as requests are quick each has twice as many. */
const FIRST_PIECE = 2 ** 18;
const QUICK_MILLISECONDS = 1000;

/** One file on its way to `url`, at most `most` bytes a request. */
export class Upload {
  readonly #patience: Patience;
  #piece = FIRST_PIECE;

  constructor(
    private readonly connection: Connection,
    private readonly url: string,
    private readonly file: Blob,
    private readonly most: number,
    private readonly options: TransferOptions,
  ) {
    this.#patience = new Patience(options.signal);
  }

  /** Sends what is missing. Throws `UploadLost`, `FileChanged`, `Refused`, `NotReached`. */
  async send(): Promise<void> {
    let offset = await this.#offset();
    while (offset < this.file.size) {
      this.options.progress?.(offset, this.file.size);
      try {
        offset = await this.#append(offset);
        this.#patience.progressed();
      } catch (failure) {
        this.#piece = Math.max(FIRST_PIECE, this.#piece / 4);
        await this.#patience.wait(failure);
        offset = await this.#offset();
      }
    }
    this.options.progress?.(offset, this.file.size);
  }

  /** Returns how much the server has; waits for one that is away. */
  async #offset(): Promise<number> {
    while (true) {
      try {
        return offsetOf(await this.#ask("HEAD", { headers: TUS }));
      } catch (failure) {
        await this.#patience.wait(failure);
      }
    }
  }

  async #append(offset: number): Promise<number> {
    const body = await bytesOf(this.file, offset, Math.min(offset + this.#piece, this.file.size));
    const began = performance.now();
    const answer = await this.#ask("PATCH", { headers: { ...BYTES, "Upload-Offset": String(offset) }, body });
    const isQuick = performance.now() - began < QUICK_MILLISECONDS;
    if (isQuick) this.#piece = Math.min(2 * this.#piece, this.most);
    return offsetOf(answer);
  }

  async #ask(method: string, asked: Asked): Promise<Answered> {
    const answer = await this.connection.ask(method, this.url, { ...asked, signal: this.options.signal });
    if (answer.ok) return answer;
    if (answer.status === 404 || answer.status === 410) {
      throw new UploadLost("the server no longer has this upload: begin a new one");
    }
    if (answer.status !== 401) throw refusal(answer.status, answer.headers, answer.body);
    await this.connection.token(answer.bearer);
    throw new NotReached("the sign-in has ended");
  }
}

function offsetOf(answer: Answered): number {
  return Number(answer.headers.get("Upload-Offset"));
}

/** Up to where a client was told what happened, so that it goes on there and repeats nothing. */

import { Cursor } from "./cursor.js";
import type { ServerFrame } from "./events.js";

const NOTHING = Cursor.parse("");

/**
 * The cursor to resume with.
 *
 * When somebody reads ten messages at once, ten `status` frames have the same cursor. If the connection
 * breaks among them the others would be lost by resuming with it, so the place stays before them until
 * the next event comes, and those that come again are known. Throws `RangeError` for what is no cursor.
 */
export class Place {
  #whole: Cursor | null;
  #begun = NOTHING;
  readonly #told = new Set<string>();

  constructor(cursor: string | null) {
    this.#whole = cursor === null ? null : Cursor.parse(cursor);
  }

  /** What to resume with; null before the first connection. */
  get cursor(): string | null {
    return this.#whole?.toString() ?? null;
  }

  /** Notes where the first connection began. */
  begin(cursor: Cursor): void {
    this.#whole ??= cursor;
  }

  /** Notes a frame that came; says whether it is to be told. */
  takes(frame: ServerFrame): boolean {
    if (!("cursor" in frame)) return true; // a passing signal
    const cursor = Cursor.parse(frame.cursor);
    if (frame.type !== "status") {
      this.#complete(cursor);
      return true;
    }
    const { message_id, user_id, channel, status, at } = frame;
    const name = JSON.stringify([message_id, user_id, channel, status, at]);
    const isNew = !this.#told.has(name);
    if (isNew && !cursor.equals(this.#begun) && cursor.covers(this.#begun)) this.#complete(this.#begun);
    this.#begun = this.#begun.joined(cursor);
    if (isNew) this.#told.add(name);
    return isNew;
  }

  /** Notes that all up to `cursor` was told. */
  #complete(cursor: Cursor): void {
    this.#whole = this.#whole?.joined(cursor) ?? cursor;
    if (cursor.covers(this.#begun)) this.#told.clear();
  }
}

/** The order of what a connection tells that resumed. */

import { Cursor } from "./cursor.js";
import { NotReached } from "./errors.js";
import type { ServerFrame } from "./events.js";

/**
 * Holds back what came after the connection began, until all before that has come.
 *
 * A server that waited a second for `resume` tells what happens now, and what was missed after that. Such
 * a connection is given up, since telling that first would break the order.
 */
export class CatchingUp {
  /** Where the connection began. */
  start = Cursor.parse("");
  readonly held: ServerFrame[] = [];
  #last: Cursor;

  constructor(resumed: string) {
    this.#last = Cursor.parse(resumed);
  }

  /** Says whether a frame is kept for later. Throws `NotReached` for a wrong order. */
  holds(frame: ServerFrame): boolean {
    if (!("cursor" in frame)) return false;
    const cursor = Cursor.parse(frame.cursor);
    if (!cursor.covers(this.#last)) {
      throw new NotReached("the server told what happens now before what was missed");
    }
    this.#last = cursor;
    if (this.start.covers(cursor)) return false;
    this.held.push(frame);
    return true;
  }
}

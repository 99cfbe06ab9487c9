/** The frames of `/v1/ws`: each once and in order, over as many connections as it takes. */

import { CatchingUp } from "./catching-up.js";
import { LATER } from "./connection.js";
import { Cursor } from "./cursor.js";
import { NotReached, Refused, refused } from "./errors.js";
import type { ErrorFrame, ServerFrame } from "./events.js";
import { Backoff, Deadline, sleep } from "./pauses.js";
import { Place } from "./place.js";
import { Socket, type WebSocketConstructor } from "./socket.js";

const SUBPROTOCOL = "chat4all.v1";
const UNAUTHENTICATED = 4401;
const NOT_PERMITTED = 4403;
const FIRST_PAUSE = 0.5;
const LONGEST_PAUSE = 15;
/** The `request_id` of a `ping` whose answer tells that all that was missed has come. */
const CAUGHT_UP = "caught-up";

/** Where the server is, and who asks. */
export interface SignedIn {
  /** The server's address, without a slash at its end. */
  readonly address: string;
  /** The user as whom a program acts. */
  readonly onBehalfOf?: string | undefined;
  /** Returns an access token or API key, another than `insteadOf`. Throws `Refused`, `NotReached`. */
  token(insteadOf: string | null): Promise<string>;
}

/** From where, and how long, events are followed. */
export interface Following {
  /** What happens after this cursor is told; without one what happens from now on. */
  readonly cursor?: string | null;
  /** Seconds to go on without a connection; for ever unless it is told. */
  readonly patience?: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** What is told after a cursor, or from now on. */
export class Live {
  readonly #place: Place;
  readonly #backoff = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
  #deadline: Deadline | null = null;
  #token = "";
  #refusedToken: string | null = null;

  constructor(
    private readonly who: SignedIn,
    private readonly kind: WebSocketConstructor,
    private readonly following: Following,
  ) {
    this.#place = new Place(following.cursor ?? null);
  }

  /** What to go on with later; null before the first connection. */
  get cursor(): string | null {
    return this.#place.cursor;
  }

  /** Yields frames until it is left or the signal ends it. Throws `Refused`, `NotReached`. */
  async *frames(): AsyncGenerator<ServerFrame, void> {
    const { signal } = this.following;
    while (!signal?.aborted) {
      let socket: Socket | null = null;
      let wait: number;
      try {
        this.#token = await this.who.token(this.#refusedToken);
        socket = this.#connect();
        yield* this.#on(socket);
        if (signal?.aborted) return;
        wait = this.#afterEnd(socket);
      } catch (error) {
        if (signal?.aborted) return;
        wait = this.#after(error);
      } finally {
        socket?.close();
      }
      await sleep(wait, signal).catch(() => {}); // it was aborted, which the loop sees
    }
  }

  #connect(): Socket {
    const address = `${this.who.address.replace(/^http/, "ws")}/v1/ws`;
    const { onBehalfOf } = this.who;
    const acting = onBehalfOf === undefined ? [] : [`on-behalf-of.${onBehalfOf}`]; // browsers send no headers
    const offered = [SUBPROTOCOL, `bearer.${this.#token}`, ...acting];
    return new Socket(this.kind, address, offered, this.following.signal);
  }

  /** Yields what one connection tells; `CatchingUp` says why not all of it at once. */
  async *#on(socket: Socket): AsyncGenerator<ServerFrame, void> {
    const resumed = this.cursor;
    if (resumed !== null) socket.send({ type: "resume", cursor: resumed });
    socket.send({ type: "ping", request_id: CAUGHT_UP });
    let catchingUp = resumed === null ? null : new CatchingUp(resumed);
    for await (const text of socket.frames()) {
      const frame = JSON.parse(text) as ServerFrame;
      if (frame.type === "ready") {
        const start = Cursor.parse(frame.cursor);
        this.#place.begin(start);
        if (catchingUp) catchingUp.start = start;
      } else if (frame.type === "error") {
        throw refusalOf(frame);
      } else if (frame.type === "pong") {
        if (frame.request_id !== CAUGHT_UP) continue;
        this.#caughtUp();
        const held = catchingUp?.held ?? [];
        catchingUp = null;
        for (const one of held) if (this.#place.takes(one)) yield one;
      } else if (!catchingUp?.holds(frame) && this.#place.takes(frame)) {
        yield frame;
      }
    }
  }

  #caughtUp(): void {
    this.#backoff.reset();
    this.#deadline = null;
    this.#refusedToken = null;
  }

  /** Returns how long to wait after a connection that ended. */
  #afterEnd(socket: Socket): number {
    if (socket.isFull) return 0;
    const { code, reason } = socket.ended ?? { code: 0, reason: "" };
    if (code === NOT_PERMITTED) throw refused(403, { detail: reason, code: "not_permitted" });
    if (code !== UNAUTHENTICATED) return this.#pause(new NotReached(reason || `it broke (${code})`), null);
    if (this.#refusedToken !== null) throw refused(401, { detail: reason, code: "unauthenticated" });
    this.#refusedToken = this.#token;
    return 0;
  }

  /** Returns how long to wait after an error; throws what no further try would mend. */
  #after(error: unknown): number {
    if (error instanceof Refused && LATER.includes(error.status)) return this.#pause(error, error.retryAfter);
    if (error instanceof NotReached) return this.#pause(error, null);
    throw error;
  }

  #pause(error: Error, told: number | null): number {
    const wait = Math.max(told ?? 0, this.#backoff.next());
    if (this.following.patience === undefined) return wait;
    this.#deadline ??= new Deadline(this.following.patience);
    if (wait <= this.#deadline.left) return wait;
    throw new NotReached(`no connection to ${this.who.address}: ${error.message}`, { cause: error });
  }
}

/** Returns why it cannot be caught up; all but a cursor that is none may work later. */
function refusalOf(frame: ErrorFrame): Refused {
  return refused(frame.code === "validation_failed" ? 400 : 503, frame, frame.retry_after ?? null);
}

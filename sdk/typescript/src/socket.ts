/** One WebSocket connection, whose frames are read one after the other. */

/** What the client needs of a WebSocket: the browser's, Node's (from 22) and that of the package `ws` have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** Why a connection ended: the close code (RFC 6455 section 7.4), 1006 when it broke. */
export interface Ended {
  readonly code: number;
  readonly reason: string;
}

const BROKEN = 1006;
const CONNECT_SECONDS = 10;
/** Seconds after which the server is asked whether it is there, and in which it has to say something. */
const SILENCE_SECONDS = 20;
/** Frames that may wait for a slow reader; the connection is given up then, and resumed once they are read. */
const MOST_WAITING = 10_000;

export class Socket {
  readonly #socket: WebSocketLike;
  readonly #unsent: string[] = [];
  #waiting: string[] = [];
  #ended: Ended | null = null;
  #isOpen = false;
  #isFull = false;
  #isSilent = false;
  #timer: ReturnType<typeof setInterval>;
  #wake: () => void = () => {};

  constructor(
    kind: WebSocketConstructor,
    url: string,
    protocols: string[],
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#timer = setInterval(
      () => this.#end(BROKEN, "no connection was made in time"),
      1000 * CONNECT_SECONDS,
    );
    this.#socket = new kind(url, protocols);
    this.#socket.addEventListener("open", () => this.#opened());
    this.#socket.addEventListener("message", ({ data }) => this.#came(String(data)));
    this.#socket.addEventListener("close", ({ code, reason }) => this.#end(code, reason));
    this.#socket.addEventListener("error", () => {}); // `close` follows, and says why
    signal?.addEventListener("abort", this.close);
    if (signal?.aborted) this.close();
  }

  /** Why it ended; null while it has not. */
  get ended(): Ended | null {
    return this.#ended;
  }

  /** Whether it was given up since its frames were read too slowly. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Sends a frame, as soon as there is a connection. */
  send(frame: object): void {
    const text = JSON.stringify(frame);
    if (this.#isOpen) this.#socket.send(text);
    else this.#unsent.push(text);
  }

  /** Yields what came, until the connection ends. */
  async *frames(): AsyncGenerator<string, void> {
    while (true) {
      const came = this.#waiting;
      this.#waiting = [];
      yield* came;
      if (this.#waiting.length) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends the connection; a second time does nothing. */
  readonly close = (): void => this.#end(BROKEN, "it was closed here");

  #opened(): void {
    if (this.#ended) return;
    this.#isOpen = true;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#askWhetherItIsThere(), 1000 * SILENCE_SECONDS);
    for (const text of this.#unsent.splice(0)) this.#socket.send(text);
  }

  #askWhetherItIsThere(): void {
    if (this.#isSilent) this.#end(BROKEN, "the server went silent");
    this.#isSilent = true;
    this.send({ type: "ping" });
  }

  #came(text: string): void {
    if (this.#ended) return;
    this.#isSilent = false;
    this.#waiting.push(text);
    if (this.#waiting.length > MOST_WAITING) {
      this.#isFull = true;
      this.#end(BROKEN, "what came was read too slowly");
    }
    this.#wake();
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = { code, reason };
    clearInterval(this.#timer);
    this.signal?.removeEventListener("abort", this.close);
    this.#socket.close();
    this.#wake();
  }
}

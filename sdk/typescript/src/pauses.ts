/** How long to wait before the next try, in seconds. */

/** Pauses twice as long each time from `first` to `longest`, with jitter. */
export class Backoff {
  #ceiling: number;

  constructor(
    private readonly first = 0.2,
    private readonly longest = 5,
  ) {
    this.#ceiling = first;
  }

  /** Begins anew: something got through. */
  reset(): void {
    this.#ceiling = this.first;
  }

  /** Returns the next pause: half of it or more is by chance, so clients spread. */
  next(): number {
    const pause = this.#ceiling * (0.5 + Math.random() / 2);
    this.#ceiling = Math.min(2 * this.#ceiling, this.longest);
    return pause;
  }
}

/** Bounds tries by `seconds` from now. */
export class Deadline {
  readonly #end: number;

  constructor(seconds: number) {
    this.#end = performance.now() + 1000 * seconds;
  }

  /** The seconds that are left; 0 when it has passed. */
  get left(): number {
    return Math.max(0, (this.#end - performance.now()) / 1000);
  }
}

/** Aborts its `signal` after `seconds` in which nobody called `touch`, or with `outer`. */
export class Watch {
  readonly #controller = new AbortController();
  readonly #stop = () => this.#controller.abort(this.outer?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly seconds: number,
    private readonly outer?: AbortSignal,
  ) {
    outer?.addEventListener("abort", this.#stop);
    if (outer?.aborted) this.#stop();
    this.touch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new Error("it is late")), 1000 * this.seconds);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.outer?.removeEventListener("abort", this.#stop);
  }
}

/** Returns what `work` does, or what `late` does when that has taken `seconds`; the work goes on. */
export function inTime<T>(work: Promise<T>, seconds: number, late: () => Promise<never>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 1000 * seconds);
  });
  return Promise.race([work, end.then(late)]).finally(() => clearTimeout(timer));
}

/** Waits; rejects with the reason of `signal` when that is aborted. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, 1000 * seconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Returns the seconds that a server asks to wait; null when it does not (RFC 9110 section 10.2.3). */
export function retryAfter(headers: Headers): number | null {
  const told = headers.get("Retry-After")?.trim() ?? "";
  if (/^\d+$/.test(told)) return Number(told);
  const at = Date.parse(told);
  return Number.isNaN(at) ? null : Math.max(0, (at - Date.now()) / 1000);
}

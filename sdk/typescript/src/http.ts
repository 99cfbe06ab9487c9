/** One server, asked over `fetch`. */

import { NotReached } from "./errors.js";
import { Watch } from "./pauses.js";

/** Seconds in which an answer, or the next piece of one, has to come. */
export const TIMEOUT = 60;

/** What is asked, beside the method and the address. */
export interface Asked {
  readonly headers?: Record<string, string>;
  readonly body?: string | URLSearchParams | Uint8Array<ArrayBuffer> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Seconds; `TIMEOUT` unless it is told. */
  readonly timeout?: number;
}

/** An answer that has come whole. */
export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Speaks to the server at `address`, which has no slash at its end; says `always` with each call. */
export class Http {
  constructor(
    readonly address: string,
    private readonly fetch: typeof globalThis.fetch,
    private readonly always: Record<string, string> = {},
  ) {}

  /** Returns the answer to one call, whatever it is. Throws `NotReached`, or the reason of the signal. */
  async ask(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const watch = new Watch(asked.timeout ?? TIMEOUT, asked.signal);
    try {
      const answer = await this.open(method, path, { ...asked, signal: watch.signal });
      const { ok, status, headers } = answer;
      return { ok, status, headers, body: await answer.text() };
    } catch (error) {
      throw this.notReached(error, asked.signal);
    } finally {
      watch.end();
    }
  }

  /** Returns an answer before its body came; whoever asks bounds its time. */
  async open(method: string, path: string, asked: Asked): Promise<Response> {
    const { headers = {}, body = null, signal = null } = asked;
    return this.fetch(this.url(path), { method, headers: { ...this.always, ...headers }, body, signal });
  }

  /** Returns the whole address of a path; an address that is whole stays. */
  url(path: string): string {
    return new URL(path, `${this.address}/`).href;
  }

  /** Returns what a failed call is for who asked: no answer, or the reason for which they gave up. */
  notReached(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    return new NotReached(`no answer from ${this.address}: ${why(error)}`, { cause: error });
  }
}

function why(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error; // `fetch failed` says nothing; its cause does
  return cause instanceof Error && cause.message ? cause.message : error.message;
}

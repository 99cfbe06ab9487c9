/** Calls of the REST API: signed in, repeated where that does no harm, bounded in time. */

import { NotReached, Refused, refusal } from "./errors.js";
import type { Answer, Asked, Http } from "./http.js";
import { Backoff, Deadline, inTime, sleep } from "./pauses.js";

/** Seconds that one call may take with all its repeats. */
export const PATIENCE = 30;
/** Answers after which the same may work later. */
export const LATER: readonly number[] = [429, 502, 503, 504];
/** Methods whose repeat has no second effect (RFC 9110 section 9.2.2). */
const HARMLESS = ["GET", "HEAD", "PUT", "DELETE"];

/** How a call is made, beside its method and path. */
export interface CallOptions {
  /** What is sent as JSON. */
  readonly body?: unknown;
  readonly params?: Record<string, string | number>;
  /** Whether it does no harm to ask again; of GET, PUT and DELETE that is known. */
  readonly repeatable?: boolean;
  /** Seconds, other than those of the client. */
  readonly patience?: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer, and the token with which was asked. */
export interface Answered extends Answer {
  readonly bearer: string;
}

/** What proves who asks. */
export interface Credentials {
  /** Returns what is good for a while. Throws `Refused`, `NotReached`. */
  bearer(): Promise<string>;
  /** Returns another than `stale`, which was refused. Throws `Refused`, also when there is no other; `NotReached`. */
  renew(stale: string): Promise<string>;
  /** Ends what was begun by signing in. Throws `NotReached`. */
  leave(): Promise<void>;
}

/** Calls on behalf of who has `credentials`; one call takes `patience` seconds at most. */
export class Connection {
  constructor(
    readonly http: Http,
    private readonly credentials: Credentials,
    private readonly patience: number,
  ) {}

  /** Returns an access token or API key, another than `insteadOf`. Throws `Refused`, `NotReached`. */
  token(insteadOf: string | null = null): Promise<string> {
    return insteadOf === null ? this.credentials.bearer() : this.credentials.renew(insteadOf);
  }

  /**
   * Returns what an answer that is a success says, as JSON is read; undefined for one without a body.
   *
   * What is `repeatable` is asked again after a connection that broke and an answer that says later
   * (429, 502, 503, 504): when `Retry-After` tells, else after growing pauses. Anything else is asked
   * again after a 429 alone. Throws `Refused`, `NotReached`.
   */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const again = options.repeatable ?? HARMLESS.includes(method);
    const deadline = new Deadline(options.patience ?? this.patience);
    const backoff = new Backoff();
    while (true) {
      try {
        const answer = this.#answer(method, withParams(path, options.params), options, deadline);
        const body = await inTime(answer, deadline.left, async () => {
          throw new NotReached(`no answer from ${this.http.address}: it is late`);
        });
        return (body ? JSON.parse(body) : undefined) as T;
      } catch (error) {
        const wait = pause(error, backoff, again);
        if (wait === null || wait >= deadline.left) throw error;
        await sleep(wait, options.signal);
      }
    }
  }

  /** Returns the answer to one call, whatever it is. Throws `NotReached`. */
  async ask(method: string, path: string, asked: Asked): Promise<Answered> {
    const bearer = await this.token();
    const headers = { ...asked.headers, Authorization: `Bearer ${bearer}` };
    return { ...(await this.http.ask(method, path, { ...asked, headers })), bearer };
  }

  /** Asks once, and a second time when the token has ended meanwhile. */
  async #answer(method: string, path: string, options: CallOptions, deadline: Deadline): Promise<string> {
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    for (let last = false; ; last = true) {
      const answer = await this.ask(method, path, {
        headers,
        body,
        signal: options.signal,
        timeout: deadline.left,
      });
      if (answer.ok) return answer.body;
      if (answer.status !== 401 || last) throw refusal(answer.status, answer.headers, answer.body);
      await this.token(answer.bearer);
    }
  }
}

/** Returns how long to wait before asking again; null when it is not to be asked again. */
function pause(failure: unknown, backoff: Backoff, again: boolean): number | null {
  if (failure instanceof NotReached) return again ? backoff.next() : null;
  if (!(failure instanceof Refused)) return null;
  const later = failure.status === 429 || (again && LATER.includes(failure.status));
  return later ? Math.max(failure.retryAfter ?? 0, backoff.next()) : null;
}

function withParams(path: string, params: Record<string, string | number> = {}): string {
  const words = Object.entries(params).map(([name, value]) => [name, String(value)]);
  return words.length ? `${path}?${new URLSearchParams(words)}` : path;
}

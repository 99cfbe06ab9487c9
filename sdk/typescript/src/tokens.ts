/** The access token of a sign-in, renewed before it ends. */

import type { Credentials } from "./connection.js";
import { Refused, refusal } from "./errors.js";
import type { components } from "./generated/api.js";
import type { Http } from "./http.js";

/** The part of its life before whose end a token is renewed, and the seconds at most. */
const EARLY = 0.2;
const EARLIEST_SECONDS = 60;
const LEAVE_SECONDS = 5;

type Granted = components["schemas"]["IssuedTokens"];

/**
 * Signs in with name and password, and renews by refresh tokens.
 *
 * The password is kept: a refresh token whose use broke off in the middle may have been used up,
 * and a second use would end the sign-in.
 */
export class Tokens implements Credentials {
  #granted: Granted | null = null;
  #renewAt = 0;
  #renewing: Promise<Granted> | null = null;

  constructor(
    private readonly http: Http,
    private readonly username: string,
    private readonly password: string,
  ) {}

  /** Returns a token that is good for a while. Throws `Refused`, `NotReached`. */
  async bearer(): Promise<string> {
    const granted = this.#granted;
    if (granted && performance.now() < this.#renewAt) return granted.access_token;
    return this.renew(granted?.access_token ?? null);
  }

  /** Returns another token than `stale`, which ends or was refused. Throws `Refused`, `NotReached`. */
  async renew(stale: string | null): Promise<string> {
    if (this.#granted && this.#granted.access_token !== stale) return this.#granted.access_token;
    this.#renewing ??= this.#next().finally(() => {
      this.#renewing = null;
    });
    return (await this.#renewing).access_token;
  }

  /** Ends the sign-in at the server, if it can be reached. */
  async leave(): Promise<void> {
    const granted = this.#granted;
    this.#granted = null;
    if (!granted) return;
    const body = new URLSearchParams({ token: granted.refresh_token ?? granted.access_token });
    await this.http.ask("POST", "/v1/auth/revoke", { body, timeout: LEAVE_SECONDS });
  }

  async #next(): Promise<Granted> {
    const refresh = this.#granted?.refresh_token;
    this.#granted = null;
    const granted = (refresh && (await this.#refreshed(refresh))) || (await this.#signedIn());
    const early = Math.min(EARLIEST_SECONDS, EARLY * granted.expires_in);
    this.#renewAt = performance.now() + 1000 * (granted.expires_in - early);
    this.#granted = granted;
    return granted;
  }

  async #refreshed(refresh: string): Promise<Granted | null> {
    try {
      return await this.#ask({ grant_type: "refresh_token", refresh_token: refresh });
    } catch (error) {
      if (error instanceof Refused && [400, 401].includes(error.status)) return null;
      throw error;
    }
  }

  #signedIn(): Promise<Granted> {
    return this.#ask({ grant_type: "password", username: this.username, password: this.password });
  }

  async #ask(form: Record<string, string>): Promise<Granted> {
    const answer = await this.http.ask("POST", "/v1/auth/token", { body: new URLSearchParams(form) });
    if (!answer.ok) throw refusal(answer.status, answer.headers, answer.body);
    return JSON.parse(answer.body) as Granted;
  }
}

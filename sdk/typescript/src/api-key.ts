/** An API key, which stands where an access token does and is renewed by nobody. */

import type { Credentials } from "./connection.js";
import { refused } from "./errors.js";

/** The header with the id of the user as whom a program acts. */
export const ON_BEHALF_OF = "Chat4All-On-Behalf-Of";

/** What a program proves itself with; docs/howto/use-api-keys.md. */
export class ApiKey implements Credentials {
  constructor(private readonly key: string) {}

  async bearer(): Promise<string> {
    return this.key;
  }

  /** Throws `Unauthenticated`: there is no other key than `stale`, which was refused. */
  async renew(_stale: string): Promise<string> {
    const detail = "the server does not take this API key: it is wrong, was revoked or has expired";
    throw refused(401, { detail, code: "invalid_token" });
  }

  /** Does nothing: the key stays good for others. */
  async leave(): Promise<void> {}
}

/**
 * Webhooks as a receiver gets them.
 *
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */

import { WrongSignature } from "./errors.js";
import type { ChatEvent } from "./events.js";

const PREFIX = "whsec_";
const TOLERANCE_SECONDS = 300;
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** What was posted (CloudEvents 1.0): `data` is as the WebSocket tells it. It may come twice, with the same `id`. */
export interface WebhookEvent {
  readonly specversion: string;
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly time: string;
  readonly subject?: string;
  readonly data: ChatEvent | { readonly type: string };
}

/** How strict a receiver is about time. */
export interface VerifyOptions {
  /** Seconds before or after `now` of what is taken; 300 unless it is told. */
  readonly tolerance?: number;
  /** Unix time in seconds; else the clock's. */
  readonly now?: number;
}

/** Headers as `fetch` has them, or Node's `request.headers`. */
export type GivenHeaders = Headers | Record<string, string | string[] | undefined>;

/**
 * Returns what was posted, once it is known to come from Chat4All.
 *
 * `body` is as it came, `secrets` are those of the endpoint (`whsec_...`), two while they are rotated. One
 * that was sent long before or after now is refused, so nobody can repeat it later. Throws `WrongSignature`.
 */
export async function verifyWebhook(
  headers: GivenHeaders,
  body: string | Uint8Array,
  secrets: readonly string[],
  { tolerance = TOLERANCE_SECONDS, now = Date.now() / 1000 }: VerifyOptions = {},
): Promise<WebhookEvent> {
  const given = named(headers);
  const sent = given("webhook-timestamp");
  if (!/^\d+$/.test(sent)) throw new WrongSignature("`webhook-timestamp` is missing or no number");
  if (Math.abs(now - Number(sent)) > tolerance) {
    throw new WrongSignature("it is too old, or one of the two clocks is wrong");
  }
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const content = joined(new TextEncoder().encode(`${given("webhook-id")}.${sent}.`), bytes);
  if (!(await isSigned(content, given("webhook-signature"), secrets))) {
    throw new WrongSignature("no signature was made with one of these secrets");
  }
  return JSON.parse(text) as WebhookEvent;
}

function named(headers: GivenHeaders): (name: string) => string {
  if (headers instanceof Headers) return (name) => headers.get(name) ?? "";
  const given = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => String(given.get(name) ?? "");
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

async function isSigned(
  content: Uint8Array<ArrayBuffer>,
  signatures: string,
  secrets: readonly string[],
): Promise<boolean> {
  const given = signatures
    .split(" ")
    .flatMap((one) => (one.startsWith("v1,") ? [bytesOf(one.slice(3))] : []));
  for (const secret of secrets) {
    const bytes = bytesOf(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
    if (!bytes?.length) throw new TypeError("a secret is not whsec_ and base64");
    const key = await crypto.subtle.importKey("raw", bytes, HMAC, false, ["verify"]);
    for (const one of given) if (one && (await crypto.subtle.verify(HMAC, key, one, content))) return true;
  }
  return false;
}

/** Returns what base64 stands for; null for what is none. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

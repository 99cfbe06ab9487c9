/**
 * What can go wrong for a program that uses the client, as one tree.
 *
 * ClientError
 * ├── NotReached           no answer came in time; what was asked may have been done
 * ├── WrongSignature       a webhook is not from Chat4All, or is an old one
 * ├── UploadLost           the server no longer has this upload
 * ├── FileChanged          the file cannot be read as it was when its upload began
 * ├── Damaged              what was fetched is not what was stored
 * └── Refused              the server said no: `status`, `code`, `title`, `detail`, `errors`
 *     ├── Invalid          400, 413, 415, 422: what was sent breaks a rule
 *     ├── Unauthenticated  401, and a sign-in with a wrong password
 *     ├── NotPermitted     403
 *     ├── NotFound         404, 410
 *     ├── Conflict         409, 423
 *     ├── RateLimited      429
 *     └── Unavailable      502, 503, 504, 507
 *
 * `code` is stable; docs/reference/errors.md lists them all.
 */

import { retryAfter } from "./pauses.js";

/** The root. */
export class ClientError extends Error {
  override readonly name: string = "ClientError";
}

/** No answer came in time; what was asked may have been done all the same. */
export class NotReached extends ClientError {
  override readonly name = "NotReached";
}

/** A webhook that Chat4All did not send, or not lately. */
export class WrongSignature extends ClientError {
  override readonly name = "WrongSignature";
}

/** The server knows nothing of this upload any more; a new one has to begin. */
export class UploadLost extends ClientError {
  override readonly name = "UploadLost";
}

/** The file cannot be read as it was when its upload began. */
export class FileChanged extends ClientError {
  override readonly name = "FileChanged";
}

/** What came is not what was stored; do not keep it. */
export class Damaged extends ClientError {
  override readonly name = "Damaged";
}

/** One thing wrong with what was sent: where (RFC 6901), and what. */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

/** What is read of the problem details of an answer (RFC 9457). */
export interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly FieldError[];
}

/** The server said no. */
export class Refused extends ClientError {
  override readonly name: string = "Refused";
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly FieldError[];

  /** `retryAfter` is in seconds, where the server told that. */
  constructor(
    readonly status: number,
    problem: Problem,
    readonly retryAfter: number | null = null,
  ) {
    const errors = problem.errors ?? [];
    const detail = problem.detail ?? `the server answered ${status}`;
    const fields = errors.map((one) => `${one.pointer}: ${one.detail}`).join("; ");
    super(fields ? `${detail} (${fields})` : detail);
    this.code = problem.code ?? "";
    this.title = problem.title ?? "";
    this.detail = detail;
    this.errors = errors;
  }
}

/** What was sent breaks a rule; `errors` say which. */
export class Invalid extends Refused {
  override readonly name = "Invalid";
}

/** No sign-in, or a wrong one. */
export class Unauthenticated extends Refused {
  override readonly name = "Unauthenticated";
}

/** One may see the thing, and may not do this to it. */
export class NotPermitted extends Refused {
  override readonly name = "NotPermitted";
}

/** It does not exist, or not for who asks. */
export class NotFound extends Refused {
  override readonly name = "NotFound";
}

/** It does not go with what is there, as another message of the same id. */
export class Conflict extends Refused {
  override readonly name = "Conflict";
}

/** Too many calls. */
export class RateLimited extends Refused {
  override readonly name = "RateLimited";
}

/** The server cannot do it now. */
export class Unavailable extends Refused {
  override readonly name = "Unavailable";
}

const KINDS = new Map<number, typeof Refused>([
  ...[400, 413, 415, 422].map((status) => [status, Invalid] as const),
  [401, Unauthenticated],
  [403, NotPermitted],
  ...[404, 410].map((status) => [status, NotFound] as const),
  ...[409, 423].map((status) => [status, Conflict] as const),
  [429, RateLimited],
  ...[502, 503, 504, 507].map((status) => [status, Unavailable] as const),
]);

/** Returns the error for a status; a wrong password is a 400 of the token endpoint (RFC 6749 section 5.2). */
export function refused(status: number, problem: Problem, wait: number | null = null): Refused {
  const kind = problem.code === "invalid_grant" ? Unauthenticated : (KINDS.get(status) ?? Refused);
  return new kind(status, problem, wait);
}

/** Returns the error that an answer is; what is no problem details has its status alone. */
export function refusal(status: number, headers: Headers, body: string): Refused {
  return refused(status, problemOf(body), retryAfter(headers));
}

function problemOf(body: string): Problem {
  try {
    const told: unknown = JSON.parse(body);
    return typeof told === "object" && told !== null ? told : {};
  } catch {
    return {};
  }
}

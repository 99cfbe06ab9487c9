/** Fetches a file piece by piece, and goes on where it broke off. */

import type { Connection } from "./connection.js";
import { ClientError, Damaged, NotReached, refusal } from "./errors.js";
import { TIMEOUT } from "./http.js";
import type { FileInfo } from "./objects.js";
import { Watch } from "./pauses.js";
import { Sha256 } from "./sha256.js";
import { Patience, type TransferOptions } from "./transfer.js";

/**
 * Yields the bytes of a file that is ready.
 *
 * Throws `Damaged` when they are not what was stored, at the latest after the last of them; `Refused`,
 * `NotReached`.
 */
export async function* pieces(
  connection: Connection,
  file: FileInfo,
  { progress, signal }: TransferOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const patience = new Patience(signal);
  const sha256 = new Sha256();
  let at = 0;
  progress?.(at, file.size);
  while (at < file.size) {
    try {
      for await (const piece of rest(connection, file, at, signal)) {
        at += piece.length;
        if (at > file.size) throw new Damaged("the server sends more than the file has");
        sha256.update(piece);
        patience.progressed();
        progress?.(at, file.size);
        yield piece;
      }
      if (at < file.size) throw new NotReached("the answer ended before the file did");
    } catch (failure) {
      await patience.wait(failure);
    }
  }
  if (`sha256:${sha256.digest()}` !== file.checksum) throw new Damaged("what came is not what was stored");
}

/** Yields what one answer brings of the bytes after `at`. */
async function* rest(
  connection: Connection,
  file: FileInfo,
  at: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const bearer = await connection.token();
  const range = at ? { Range: `bytes=${at}-`, "If-Range": `"${file.checksum}"` } : {};
  const headers: Record<string, string> = { ...range, Authorization: `Bearer ${bearer}` };
  const watch = new Watch(TIMEOUT, signal);
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  try {
    const path = `/v1/files/${file.id}/content`;
    const answer = await connection.http.open("GET", path, { headers, signal: watch.signal });
    if (!answer.ok) await refuse(connection, answer, bearer);
    if (at && answer.status !== 206) throw new Damaged("the file is another one than when it was begun");
    reader = answer.body?.getReader();
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      watch.touch();
      yield read.value;
    }
  } catch (error) {
    throw error instanceof ClientError ? error : connection.http.notReached(error, signal);
  } finally {
    watch.end();
    await reader?.cancel().catch(() => {}); // it has broken, or nobody reads on
  }
}

async function refuse(connection: Connection, answer: Response, bearer: string): Promise<never> {
  if (answer.status !== 401) throw refusal(answer.status, answer.headers, await answer.text());
  await connection.token(bearer);
  throw new NotReached("the sign-in has ended");
}

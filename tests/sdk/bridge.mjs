/**
 * One client, of which the tests in Python ask by lines of JSON what a program would call:
 * `{id, call, args}` is answered by `{id, result}` or `{id, error}`; `{event}` and `{progress}` come between.
 */

import { createWriteStream, openAsBlob } from "node:fs";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import * as sdk from "@chat4all/client";
import WebSocket from "ws";
import { Live } from "./node_modules/@chat4all/client/dist/live.js";
import { Place } from "./node_modules/@chat4all/client/dist/place.js";

const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const progress = (done, size) => tell({ progress: [done, size] });
const stop = new AbortController();
/** What the next answers are, instead of the server's: a status and headers, `lost` or `late` for one that does not come. */
const instead = [];
const asked = [];
let client;
let goOn;

async function fetchOrLose(url, options) {
  asked.push({ method: options.method, path: new URL(url).pathname, body: String(options.body ?? "") });
  const other = instead.shift();
  if (other === "late") {
    await new Promise((_, reject) => options.signal.addEventListener("abort", () => reject(options.signal.reason)));
  }
  if (other && other !== "lost") return new Response(other.body ?? "", other);
  const answer = await fetch(url, options);
  if (!other) return answer;
  await answer.arrayBuffer();
  throw new TypeError("fetch failed");
}

const fileOf = async (path, type = "") => new File([await openAsBlob(path)], basename(path), { type });

/** What is more than a method of the client. */
const calls = {
  async signIn(url, username, password, options) {
    client = await sdk.Client.signIn(url, username, password, { WebSocket, fetch: fetchOrLose, ...options });
    return client.user;
  },
  async withApiKey(url, key, options) {
    client = await sdk.Client.withApiKey(url, key, { WebSocket, fetch: fetchOrLose, ...options });
  },
  user: () => client.user,
  async follow(following) {
    for await (const event of client.events({ ...following, signal: stop.signal })) tell({ event });
  },
  /** So many calls that begin before the first is answered. */
  atOnce: (count, name, ...args) => Promise.all(Array.from({ length: count }, () => client[name](...args))),
  sendLaterOn: (talk, what, at, options) => client.sendLater(talk, what, new Date(at), options),
  stop: () => stop.abort(),
  instead: (...answers) => void instead.push(...answers),
  forget: () => void instead.splice(0),
  asked: () => asked.splice(0),
  upload: async (talk, path, options) => client.upload(talk, await fileOf(path), { ...options, progress }),
  sendFile: async (talk, path, { type, ...options }) =>
    client.sendFile(talk, await fileOf(path, type), { ...options, progress }),
  async download(fileId, target) {
    const file = await client.download(fileId, { progress });
    await pipeline(file.stream(), createWriteStream(target));
    return { name: file.name, type: file.type };
  },
  pieces: async (fileId, target) =>
    void (await pipeline(client.pieces(fileId, { progress }), createWriteStream(target))),
  /** The first frames that are told of a server where tokens are token-1, token-2 ...; after one it may wait for `goOn`. */
  async told(address, count, cursor, patience, waits) {
    const insteadOf = [];
    const token = async (stale) => `token-${insteadOf.push(stale)}`;
    const cursors = [];
    const live = new Live({ address, token }, WebSocket, { cursor, ...(patience && { patience }) });
    for await (const frame of live.frames()) {
      if (cursors.push(frame.cursor) === count) break;
      if (waits && cursors.length === 1) await new Promise((resolve) => (goOn = resolve));
    }
    return { cursors, insteadOf };
  },
  goOn: () => goOn(),
  /** What is told of these frames, and where one is after each. */
  places(cursor, frames) {
    const place = new Place(cursor);
    return frames.map((frame) => [place.takes(frame), place.cursor]);
  },
  verifyWebhook: (headers, body, secrets, options) => sdk.verifyWebhook(headers, body, secrets, options),
};

async function result(name, args) {
  const value = calls[name] ? calls[name](...args) : client[name](...args);
  if (!value?.[Symbol.asyncIterator]) return (await value) ?? null;
  const items = [];
  for await (const item of value) items.push(item);
  return items;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, call, args } = JSON.parse(line);
  result(call, args).then(
    (value) => tell({ id, result: value }),
    (error) => {
      const kinds = [sdk.Refused, sdk.ClientError].filter((kind) => error instanceof kind).map(({ name }) => name);
      tell({ id, error: { ...error, name: error.name, message: error.message, kinds } });
    },
  );
}
process.exit();

/** One person, or one program, at one server. */

import { ApiKey, ON_BEHALF_OF } from "./api-key.js";
import { type CallOptions, Connection, type Credentials, PATIENCE } from "./connection.js";
import { pieces } from "./download.js";
import { ClientError, NotPermitted, NotReached, refused, UploadLost } from "./errors.js";
import { type ChatEvent, isEvent } from "./events.js";
import type { components } from "./generated/api.js";
import { Http } from "./http.js";
import { newId } from "./ids.js";
import { type Following, Live } from "./live.js";
import {
  type LaterOptions,
  newMessage,
  payloadOf,
  type ScheduledEdit,
  type SendOptions,
  timeOf,
} from "./new-message.js";
import type {
  Conversation,
  FileInfo,
  Message,
  MessageStatus,
  Page,
  Payload,
  Scheduled,
  ScheduledChange,
  Sent,
  User,
} from "./objects.js";
import type { WebSocketConstructor } from "./socket.js";
import { Tokens } from "./tokens.js";
import { sha256Of, type TransferOptions } from "./transfer.js";
import { Upload } from "./upload.js";

const ME = "/v1/users/me";
const MOST_PER_PAGE = 200;
/** Seconds that the server may take to look through 2 GiB. */
const CHECKING = 600;
const SHOWN_AS = ["image", "video", "audio"] as const;

/** How a client speaks to its server. */
export interface ClientOptions {
  /** Seconds that one call may take with all its repeats; 30 unless it is told. */
  readonly patience?: number;
  /** What `events` connect with; the runtime's own, which Node has from version 22, unless it is told. */
  readonly WebSocket?: WebSocketConstructor;
  /** Another `fetch` than the runtime's. */
  readonly fetch?: typeof globalThis.fetch;
}

/** How a program speaks to its server. */
export interface ProgramOptions extends ClientOptions {
  /** The id of a user who allowed the program to act as they. */
  readonly onBehalfOf?: string;
}

/** How a file goes up. */
export interface UploadOptions extends TransferOptions {
  /** What a `Blob` is called; a `File` has its own name. */
  readonly name?: string;
  /** Chosen by the caller who wants to go on in another process; a UUID. */
  readonly fileId?: string;
}

/**
 * What a person or a program can do; made by `Client.signIn` and `Client.withApiKey`.
 *
 * Every method throws `Refused` when the server says no, and `NotReached` when no answer came in the
 * client's `patience`. Ids are UUIDs, times are RFC 3339 as the server writes them.
 */
export class Client {
  private constructor(
    private readonly connection: Connection,
    private readonly credentials: Credentials,
    private readonly options: ProgramOptions,
    private readonly who: User | NotPermitted,
  ) {}

  /** Who is signed in. Throws `NotPermitted` for an API key that is not good for `read`. */
  get user(): User {
    if (this.who instanceof NotPermitted) throw this.who;
    return this.who;
  }

  /** Signs in, until `signOut`. */
  static async signIn(
    url: string,
    username: string,
    password: string,
    options: ClientOptions = {},
  ): Promise<Client> {
    const http = httpOf(url, options);
    const tokens = new Tokens(http, username, password);
    const connection = new Connection(http, tokens, options.patience ?? PATIENCE);
    try {
      return new Client(connection, tokens, options, await connection.call<User>("GET", ME));
    } catch (error) {
      await tokens.leave().catch(ignoreNotReached);
      throw error;
    }
  }

  /**
   * Is the service account of an API key, or acts as a user who allowed it.
   *
   * Throws `Unauthenticated`, also later: once the key is revoked or has expired; `NotPermitted` for what it
   * is not good for.
   */
  static async withApiKey(url: string, key: string, options: ProgramOptions = {}): Promise<Client> {
    const credentials = new ApiKey(key);
    const connection = new Connection(httpOf(url, options), credentials, options.patience ?? PATIENCE);
    const who = await connection.call<User>("GET", ME).catch((error) => {
      // A key that only sends need not be good for reading.
      if (error instanceof NotPermitted && error.code === "insufficient_scope") return error;
      throw error;
    });
    return new Client(connection, credentials, options, who);
  }

  /** Ends the sign-in, also at the server if that can be reached; an API key stays good. */
  async signOut(): Promise<void> {
    await this.credentials.leave().catch(ignoreNotReached);
  }

  /**
   * Sends a text, or another payload; returns once the server has it for good.
   *
   * It is sent again until there is an answer, and is one message all the same, since each try has the same
   * id. Throws `Conflict` when the id has another message.
   */
  async send(conversationId: string, what: string | Payload, options: SendOptions = {}): Promise<Sent> {
    return this.#post("/v1/messages", newMessage(conversationId, what, options));
  }

  /**
   * Has a message sent at a time; returns once the server keeps it.
   *
   * `at` is an instant, or a text of RFC 3339: without an offset the time on a clock in `timeZone`. Repeated
   * like `send`. Throws `Invalid` for a time that is past or more than a year ahead, `Conflict` when 1,000 wait.
   */
  async sendLater(
    conversationId: string,
    what: string | Payload,
    at: Date | string,
    { timeZone, ...options }: LaterOptions = {},
  ): Promise<Scheduled> {
    const body = { ...newMessage(conversationId, what, options), ...timeOf(at, timeZone) };
    return this.#post("/v1/scheduled-messages", body);
  }

  /** Yields one's own scheduled messages in a state, by their time; those that wait unless it is told. */
  scheduled({ state = "scheduled" as Scheduled["state"] } = {}): AsyncGenerator<Scheduled, void> {
    return this.#items("/v1/scheduled-messages", { state, limit: 100 });
  }

  /** Gives a message that waits another content or time; returns it. Throws `Conflict` when it is too late. */
  async editScheduled(messageId: string, { what, at, timeZone }: ScheduledEdit): Promise<Scheduled> {
    const body: ScheduledChange = {
      ...(what !== undefined && { payload: payloadOf(what) }),
      ...(at !== undefined && { send_at: timeOf(at, timeZone).send_at }),
      ...(timeZone !== undefined && { time_zone: timeZone }),
    };
    return this.call("PATCH", `/v1/scheduled-messages/${messageId}`, { body });
  }

  /** Has a scheduled message not sent. Throws `Conflict` when it is too late. */
  async cancel(messageId: string): Promise<void> {
    await this.call("DELETE", `/v1/scheduled-messages/${messageId}`);
  }

  /** Gives one's own message new content of the same kind; returns it. */
  edit(messageId: string, what: string | Payload): Promise<Message> {
    return this.call("PATCH", `/v1/messages/${messageId}`, { body: { payload: payloadOf(what) } });
  }

  /** Returns a message. */
  message(messageId: string): Promise<Message> {
    return this.call("GET", `/v1/messages/${messageId}`);
  }

  /** Returns how far a message has come with each recipient. */
  status(messageId: string): Promise<MessageStatus> {
    return this.call("GET", `/v1/messages/${messageId}/status`);
  }

  /** Yields the messages after a number, in order, page by page, to the last one. */
  history(conversationId: string, { afterSeq = 0 } = {}): AsyncGenerator<Message, void> {
    const params = { after_seq: afterSeq, limit: MOST_PER_PAGE };
    return this.#items(`/v1/conversations/${conversationId}/messages`, params);
  }

  /** Returns where `events` stands now: with it they begin with what happens next. */
  async cursor(): Promise<string> {
    return (await this.call<{ next: string }>("GET", "/v1/sync")).next;
  }

  /**
   * Yields what happens after a cursor, or from now on, for as long as one asks.
   *
   * A lost connection is taken up again where it was lost: each event is told once and in order, also over
   * a restart of the server. To go on in another process keep the `cursor` of the last event that has one;
   * of the `status` events of one reading some may then come again.
   */
  async *events(following: Following = {}): AsyncGenerator<ChatEvent, void> {
    const kind = this.options.WebSocket ?? globalThis.WebSocket;
    if (!kind) {
      throw new ClientError(
        "this runtime has no WebSocket: pass that of the package `ws` to `Client.signIn`",
      );
    }
    const who = {
      address: this.connection.http.address,
      onBehalfOf: this.options.onBehalfOf,
      token: (insteadOf: string | null) => this.connection.token(insteadOf),
    };
    const live = new Live(who, kind, following);
    for await (const frame of live.frames()) {
      if (!isEvent(frame)) continue;
      yield "cursor" in frame ? { ...frame, cursor: live.cursor ?? frame.cursor } : frame;
    }
  }

  /** Yields one's conversations, the last created first. */
  conversations(): AsyncGenerator<Conversation, void> {
    return this.#items("/v1/conversations", { limit: 100 });
  }

  /** Returns the conversation with somebody, started if there is none. */
  privateChat(userId: string): Promise<Conversation> {
    return this.#post("/v1/conversations", { type: "private", member_ids: [userId] });
  }

  /** Yields those who have `words` in their name or username. */
  findUsers(words: string): AsyncGenerator<User, void> {
    return this.#items("/v1/users", { query: words, limit: 100 });
  }

  /** Says that all up to a number was read. */
  async markRead(conversationId: string, upToSeq: number): Promise<void> {
    await this.#post(`/v1/conversations/${conversationId}/read`, { up_to_seq: upToSeq });
  }

  /**
   * Uploads a file of up to 2 GiB for a conversation; returns it once it is ready.
   *
   * What breaks off is taken up again where it was, for 120 seconds without progress; with a `fileId` of
   * the caller's also by another process. Throws `UploadLost` when the server no longer has it, `FileChanged`.
   */
  async upload(conversationId: string, file: Blob, options: UploadOptions = {}): Promise<FileInfo> {
    const announced = {
      name: options.name ?? (file instanceof File ? file.name : "file"),
      size: file.size,
      mime_type: file.type || "application/octet-stream",
      checksum: await sha256Of(file, options.signal),
      conversation_id: conversationId,
    };
    const upload = (fileId: string) => this.#upload(file, { ...announced, file_id: fileId }, options);
    if (options.fileId) return upload(options.fileId);
    return upload(newId()).catch((error) => {
      if (!(error instanceof UploadLost)) throw error;
      return upload(newId());
    });
  }

  /** Uploads a file and sends the message that shows it. */
  async sendFile(
    conversationId: string,
    file: Blob,
    options: UploadOptions & { readonly caption?: string } = {},
  ): Promise<Sent> {
    const { id, mime_type } = await this.upload(conversationId, file, options);
    const type = SHOWN_AS.find((kind) => mime_type.startsWith(`${kind}/`)) ?? "document";
    const { caption } = options;
    return this.send(conversationId, { type, file_id: id, ...(caption !== undefined && { caption }) });
  }

  /** Returns what is known of a file; its bytes can be fetched when it is `ready`. */
  file(fileId: string): Promise<FileInfo> {
    return this.call("GET", `/v1/files/${fileId}`);
  }

  /**
   * Yields the bytes of a file, piece by piece as they come; what breaks off is taken up again.
   *
   * Throws `Conflict` for one that is not ready, and `Damaged`, at the latest after the last piece, when
   * they are not what was stored.
   */
  async *pieces(
    fileId: string,
    options: TransferOptions = {},
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    yield* pieces(this.connection, await this.#ready(fileId), options);
  }

  /** Returns a file, once its checksum was found to be right; `pieces` do not need the memory for all of it. */
  async download(fileId: string, options: TransferOptions = {}): Promise<File> {
    const file = await this.#ready(fileId);
    const came: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of pieces(this.connection, file, options)) came.push(piece);
    return new File(came, file.name, { type: file.mime_type });
  }

  /**
   * Makes any other call of the REST API; returns its answer as JSON is read.
   *
   * GET, PUT and DELETE are asked again like everything here; a POST or PATCH only if it is `repeatable`.
   */
  call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    return this.connection.call<T>(method, path, options);
  }

  async #ready(fileId: string): Promise<FileInfo> {
    const file = await this.file(fileId);
    if (file.state === "ready") return file;
    const detail = `the file has no bytes to read: it is ${file.state}`;
    throw refused(409, { detail, code: "file_not_ready" });
  }

  async #upload(
    file: Blob,
    announced: components["schemas"]["FileAnnouncement"],
    options: TransferOptions,
  ): Promise<FileInfo> {
    type Begun = components["schemas"]["BegunUpload"];
    const begun = await this.#post<Begun>("/v1/files/initiate", announced);
    await new Upload(this.connection, begun.upload_url, file, begun.chunk_size, options).send();
    const { signal } = options;
    return this.call("POST", `/v1/files/${begun.file_id}/complete`, {
      repeatable: true,
      patience: CHECKING,
      signal,
    });
  }

  /** Posts what has no second effect when it comes again. */
  #post<T>(path: string, body: unknown): Promise<T> {
    return this.call("POST", path, { body, repeatable: true });
  }

  async *#items<T>(path: string, params: Record<string, string | number>): AsyncGenerator<T, void> {
    let next: string | null = null;
    do {
      const page: Page<T> = await this.call("GET", path, {
        params: next === null ? params : { ...params, cursor: next },
      });
      yield* page.items;
      next = page.next;
    } while (next !== null);
  }
}

function httpOf(url: string, { fetch, onBehalfOf }: ProgramOptions): Http {
  const always = onBehalfOf === undefined ? {} : { [ON_BEHALF_OF]: onBehalfOf };
  const asked = fetch ?? globalThis.fetch.bind(globalThis);
  return new Http(new URL(url).href.replace(/\/$/, ""), asked, always);
}

function ignoreNotReached(error: unknown): void {
  if (!(error instanceof NotReached)) throw error;
}

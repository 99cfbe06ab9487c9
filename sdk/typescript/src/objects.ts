/** What the server tells, and what it is told: the schemas of its OpenAPI document under shorter names. */

import type { components } from "./generated/api.js";

type Schemas = components["schemas"];

/** Somebody: a person, a contact or a service. */
export type User = Schemas["PublicUser"];
/** A conversation as one sees it oneself. */
export type Conversation = Schemas["ConversationObject"];
/** A message in its place: `seq` counts 1, 2, 3 ... in each conversation. `payload` is null once it was deleted. */
export type Message = Schemas["StoredMessage"];
/** What a message carries. */
export type Payload = NonNullable<Message["payload"]>;
/** The server keeps the message: it will be delivered, or fail with a reason. */
export type Sent = Schemas["AcceptedMessage"];
/** A message that is to be sent at `send_at`; `state` tells how far it has come, `error` why it was not sent. */
export type Scheduled = Schemas["ScheduledMessageObject"];
/** The body of `PATCH /v1/scheduled-messages/{id}`. */
export type ScheduledChange = Schemas["ScheduledMessageChange"];
/** How far a message has come with each recipient, and everything that was tried. */
export type MessageStatus = Schemas["MessageStatus"];
/** What is known of a file; `size` is in bytes, `checksum` is `sha256:<hex>`. */
export type FileInfo = Schemas["FileInfo"];
/** The body of `POST /v1/messages`. */
export type NewMessage = Schemas["NewMessage"];

/** Some items of a list, and what leads on to the next ones. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Returns the words of a message: its text, or the caption of its file; empty without any. */
export function textOf({ payload }: Message | Scheduled): string {
  if (payload === null) return "";
  if (payload.type === "text") return payload.text;
  return ("caption" in payload && payload.caption) || "";
}

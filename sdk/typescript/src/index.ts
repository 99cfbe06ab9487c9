/**
 * The client of Chat4All for browsers and Node: typed, small, without dependencies.
 *
 * `Client.signIn` is where to begin, `Client.withApiKey` for a program. docs/howto/use-the-typescript-client.md
 */

export { Client, type ClientOptions, type ProgramOptions, type UploadOptions } from "./client.js";
export type { CallOptions } from "./connection.js";
export {
  ClientError,
  Conflict,
  Damaged,
  type FieldError,
  FileChanged,
  Invalid,
  NotFound,
  NotPermitted,
  NotReached,
  RateLimited,
  Refused,
  Unauthenticated,
  Unavailable,
  UploadLost,
  WrongSignature,
} from "./errors.js";
export type {
  ChatEvent,
  ConversationChanged,
  MessageAdded,
  MessageDeleted,
  MessageEdited,
  PresenceChanged,
  ReactionChanged,
  StatusChanged,
  Typing,
} from "./events.js";
export type { components, operations, paths } from "./generated/api.js";
export type { Following } from "./live.js";
export type { LaterOptions, ScheduledEdit, SendOptions } from "./new-message.js";
export {
  type Conversation,
  type FileInfo,
  type Message,
  type MessageStatus,
  type NewMessage,
  type Payload,
  type Scheduled,
  type Sent,
  textOf,
  type User,
} from "./objects.js";
export type { WebSocketConstructor, WebSocketLike } from "./socket.js";
export type { Progress, TransferOptions } from "./transfer.js";
export { type GivenHeaders, type VerifyOptions, verifyWebhook, type WebhookEvent } from "./webhooks.js";

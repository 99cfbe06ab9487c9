/** What happens, as the WebSocket tells it. docs/reference/websocket.md */

import type { components } from "./generated/api.js";

type Schemas = components["schemas"];

/** Somebody, or oneself on any device, said something. */
export type MessageAdded = Schemas["MessageFrame"];
/** A message has new content. */
export type MessageEdited = Schemas["EditedFrame"];
/** A message was deleted, or hidden on another device of one's own. */
export type MessageDeleted = Schemas["DeletedFrame"];
/** Somebody gave an emoji, or took it back (`removed`). */
export type ReactionChanged = Schemas["ReactionFrame"];
/** One's message came further with one recipient on one channel, or failed there. */
export type StatusChanged = Schemas["StatusFrame"];
/** The conversation itself changed: read it again. `read`: oneself, on another device. */
export type ConversationChanged = Schemas["ConversationFrame"];
/** Somebody is writing. It is not kept. */
export type Typing = Schemas["TypingFrame"];
/** Somebody came, went, or said what they are. It is not kept. */
export type PresenceChanged = Schemas["PresenceFrame"];

/** What happens, told apart by `type`. What has a `cursor` is told later to a client that was away. */
export type ChatEvent =
  | MessageAdded
  | MessageEdited
  | MessageDeleted
  | ReactionChanged
  | StatusChanged
  | ConversationChanged
  | Typing
  | PresenceChanged;

export type ErrorFrame = Schemas["ErrorFrame"];

/** All that comes over a connection that only follows. */
export type ServerFrame = ChatEvent | Schemas["ReadyFrame"] | Schemas["PongFrame"] | ErrorFrame;

const KINDS: Record<ChatEvent["type"], true> = {
  message: true,
  edited: true,
  deleted: true,
  reaction: true,
  status: true,
  conversation: true,
  typing: true,
  presence: true,
};

/** Says whether a frame is an event; a later server may have kinds that are not known here. */
export function isEvent(frame: ServerFrame): frame is ChatEvent {
  return frame.type in KINDS;
}

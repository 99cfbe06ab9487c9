/** What is to be sent, now or later. */

import { newId } from "./ids.js";
import type { NewMessage, Payload } from "./objects.js";

/** What a message may have beside its content. */
export interface SendOptions {
  /** Chosen by the caller who wants to send it again in another process; a UUID. */
  readonly messageId?: string;
  /** Some of the members; all unless it is told. */
  readonly to?: string[];
  /** An order of preference. */
  readonly channels?: string[];
  readonly replyTo?: string;
  readonly metadata?: NonNullable<NewMessage["metadata"]>;
}

/** What a message that is sent later may have beside its content. */
export interface LaterOptions extends SendOptions {
  /** A name of IANA: of a time without an offset the zone that is meant, of any other the one it is shown in. */
  readonly timeZone?: string;
}

/** What is to be changed of a message that waits; what is left out stays. */
export interface ScheduledEdit {
  readonly what?: string | Payload;
  /** As for `sendLater`; without an offset it is a time in `timeZone`, or in the zone that the message has. */
  readonly at?: Date | string;
  readonly timeZone?: string;
}

/** Returns the body that sends `what`; with an id, so that it can be sent again. */
export function newMessage(
  conversationId: string,
  what: string | Payload,
  { messageId = newId(), to, channels, replyTo, metadata }: SendOptions,
): NewMessage {
  return {
    message_id: messageId,
    conversation_id: conversationId,
    payload: payloadOf(what),
    ...(to && { to }),
    ...(channels && { channels }),
    ...(replyTo && { reply_to: replyTo }),
    ...(metadata && { metadata }),
  };
}

/** Returns when to send. */
export function timeOf(
  at: Date | string,
  timeZone: string | undefined,
): { send_at: string; time_zone?: string } {
  const send_at = typeof at === "string" ? at : at.toISOString();
  return timeZone === undefined ? { send_at } : { send_at, time_zone: timeZone };
}

/** Returns a text as a payload, and a payload as it is. */
export function payloadOf(what: string | Payload): Payload {
  return typeof what === "string" ? { type: "text", text: what } : what;
}

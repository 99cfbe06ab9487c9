/** How far a message has come: pure functions over statuses. */

const RANK = { failed: -1, accepted: 0, sent: 1, delivered: 2, read: 3 };
const BY_RANK = ["accepted", "sent", "delivered", "read"];

/**
 * The status to show after `next` was reported over `current`. Statuses only move forward; a failure ends an attempt,
 * and a success over another channel may still supersede it.
 */
export function forward(current, next) {
  if (!current) return next;
  if (next === "failed") return RANK[current] >= RANK.delivered ? current : "failed";
  return RANK[next] > RANK[current] ? next : current;
}

/** One recipient's receipt after another report. */
export function nextReceipt(receipt, report) {
  const status = forward(receipt?.status, report.status);
  return status === receipt?.status ? receipt : { ...report, status };
}

/**
 * The one status that stands for all recipients of an own message: that of the one who is furthest behind, "failed" as
 * soon as one of them failed.
 * @param {object} message with `receipts` by user id, as the live frames reported them
 * @param {object[]} members of the conversation, with their cursors
 */
export function overallStatus(message, members) {
  const recipients = members.filter((member) => isRecipient(message, member));
  if (!recipients.length) return message.status;
  const receipts = message.receipts ?? {};
  const statuses = recipients.map((member) => statusFor(message, member, receipts[member.user_id]));
  if (statuses.includes("failed")) return "failed";
  const slowest = BY_RANK[Math.min(...statuses.map((status) => RANK[status]))];
  if (message.status === "failed") return Object.keys(receipts).length ? slowest : "failed";
  return forward(message.status, slowest);
}

function isRecipient(message, member) {
  return member.user_id !== message.from && (!message.to?.length || message.to.includes(member.user_id));
}

function statusFor(message, member, receipt) {
  if (receipt?.status === "failed") return "failed";
  let status = receipt?.status ?? "accepted";
  if (member.last_delivered_seq >= message.seq) status = forward(status, "delivered");
  if (member.last_read_seq >= message.seq) status = forward(status, "read");
  return status;
}

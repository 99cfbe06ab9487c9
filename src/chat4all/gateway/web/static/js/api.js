/** Every call of the REST API that this client makes, one function each. */

import { call } from "./http.js";
import { newId } from "./ids.js";
import { freshToken, refresh } from "./session.js";

async function authorized(method, path, options = {}) {
  const token = await freshToken();
  try {
    return await call(method, path, { ...options, token });
  } catch (error) {
    if (error.status !== 401) throw error;
    return call(method, path, { ...options, token: await refresh(token) });
  }
}

const get = (path, query) => authorized("GET", path, { query });
const post = (path, json = {}) => authorized("POST", path, { json });
const patch = (path, json) => authorized("PATCH", path, { json });
const remove = (path, query) => authorized("DELETE", path, { query });
const id = encodeURIComponent;

/** The last page of a history is the one before this number, which no conversation reaches. */
const END_OF_TIME = 2 ** 31 - 1;
const MOST_PAGES = 20;

/** All items of a list, page by page; stops after 20 pages. */
async function all(path, query = {}) {
  const items = [];
  let cursor;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await get(path, { ...query, cursor });
    items.push(...(answer.items ?? []));
    cursor = answer.next;
    if (!cursor) break;
  }
  return items;
}

export const me = () => get("/v1/users/me");
export const updateMe = (changes) => patch("/v1/users/me", changes);
export const user = (userId) => get(`/v1/users/${id(userId)}`);
export const findUsers = (query) => get("/v1/users", { query, limit: 20 });
export const presence = (userIds) => get("/v1/presence", { user_ids: userIds.join(",") });

export const myChannels = () => get("/v1/users/me/channels");
export const removeChannel = (channelId) => remove(`/v1/users/me/channels/${id(channelId)}`);
export const linkCode = (platform) => post("/v1/users/me/channels/link-code", { platform });

export const contacts = () => all("/v1/contacts", { limit: 100 });
export const createContact = (display_name, channels) => post("/v1/contacts", { display_name, channels });

export const conversations = () => all("/v1/conversations", { limit: 100 });
export const conversation = (conversationId) => get(`/v1/conversations/${id(conversationId)}`);
export const createConversation = (body) => post("/v1/conversations", body);
export const renameConversation = (conversationId, name) => patch(`/v1/conversations/${id(conversationId)}`, { name });
export const leave = (conversationId) => post(`/v1/conversations/${id(conversationId)}/leave`);

const members = (conversationId) => `/v1/conversations/${id(conversationId)}/members`;
export const addMember = (conversationId, userId) => post(members(conversationId), { user_id: userId });
export const setRole = (conversationId, userId, role) => patch(`${members(conversationId)}/${id(userId)}`, { role });
export const removeMember = (conversationId, userId) => remove(`${members(conversationId)}/${id(userId)}`);

const history = (conversationId, query) => get(`/v1/conversations/${id(conversationId)}/messages`, query);
export const lastMessages = (conversationId, limit) =>
  history(conversationId, { before_seq: END_OF_TIME, limit });
export const messagesBefore = (conversationId, before_seq, limit) => history(conversationId, { before_seq, limit });
export const messagesAfter = (conversationId, after_seq, limit) => history(conversationId, { after_seq, limit });
export const searchMessages = (q, conversation_id) => get("/v1/messages/search", { q, conversation_id, limit: 30 });

const nothing = { type: "text", text: "…" };
/** How a text would be delivered. */
export const planText = (conversation_id) => post("/v1/messages/plan", { conversation_id, payload: nothing });
/** How a file would be delivered that is not uploaded yet. @param {{name, mime_type, size}} file */
export const planFile = (conversation_id, type, file) =>
  post("/v1/messages/plan", { conversation_id, payload: { type, file_id: newId() }, file });

export const message = (messageId) => get(`/v1/messages/${id(messageId)}`);
export const messageStatus = (messageId) => get(`/v1/messages/${id(messageId)}/status`);
export const messageTrace = (messageId) => get(`/v1/messages/${id(messageId)}/trace`);
export const editMessage = (messageId, payload) => patch(`/v1/messages/${id(messageId)}`, { payload });
/** @param {"me"|"everyone"} whom */
export const deleteMessage = (messageId, whom) => remove(`/v1/messages/${id(messageId)}`, { for: whom });

const scheduled = (messageId) => `/v1/scheduled-messages/${id(messageId)}`;
/** One's own, by their time. @param {"scheduled"|"failed"} state */
export const scheduledMessages = (state) => all("/v1/scheduled-messages", { state, limit: 100 });
export const scheduleMessage = (body) => post("/v1/scheduled-messages", body);
export const changeScheduled = (messageId, changes) => patch(scheduled(messageId), changes);
export const cancelScheduled = (messageId) => remove(scheduled(messageId));

const reaction = (messageId, emoji) => `/v1/messages/${id(messageId)}/reactions/${id(emoji)}`;
export const addReaction = (messageId, emoji) => authorized("PUT", reaction(messageId, emoji));
export const removeReaction = (messageId, emoji) => remove(reaction(messageId, emoji));

export const overview = () => get("/v1/admin/overview");
export const nodes = () => get("/v1/admin/nodes");
export const integrity = () => get("/v1/admin/integrity");
export const openLetters = () => get("/v1/admin/dead-letters", { redriven: false, limit: 100 });
export const redrive = (ids) => post("/v1/admin/dead-letters/redrive", { ids });
export const accounts = () => get("/v1/admin/connectors/accounts");
export const connectAccount = (platform, name, config) =>
  post("/v1/admin/connectors/accounts", { platform, name, config });
export const removeAccount = (accountId) => remove(`/v1/admin/connectors/accounts/${id(accountId)}`);

const device = (deviceId) => `/v1/push-subscriptions/${id(deviceId)}`;
export const pushKey = () => get("/v1/push-subscriptions/key");
export const registerDevice = (body) => post("/v1/push-subscriptions", body);
export const changeDevice = (deviceId, changes) => patch(device(deviceId), changes);
export const removeDevice = (deviceId) => remove(device(deviceId));
const oneDevice = (deviceId) => get(device(deviceId));
export { oneDevice as device };

const fileOf = (fileId) => `/v1/files/${id(fileId)}`;
export const initiateFile = (body) => post("/v1/files/initiate", body).then(here("upload_url"));
export const completeFile = (fileId) => post(`${fileOf(fileId)}/complete`);
export const file = (fileId) => get(fileOf(fileId));
export const fileThumbnail = (fileId) => get(`${fileOf(fileId)}/thumbnail`);
/** @param {"attachment"} [disposition] for a link that saves the file rather than shows it */
export const fileLink = (fileId, expires_in, disposition) =>
  post(`${fileOf(fileId)}/links`, { expires_in, disposition }).then(here("url"));

/** This page talks with the server that it came from, by whatever name: the server may know itself by another one. */
const here = (field) => (answer) => {
  const { pathname, search } = new URL(answer[field], location.href);
  return { ...answer, [field]: pathname + search };
};

const phone = (externalId) => `/v1/mock/phones/${id(externalId)}`;
export const phones = () => get("/v1/mock/phones");
export const phoneScreen = (externalId) => get(phone(externalId));
export const phoneWrites = (externalId, text, reply_to) => post(`${phone(externalId)}/messages`, { text, reply_to });
/** @param {{name, mime_type, reply_to?}} about */
export const phoneSendsFile = (externalId, blob, about) =>
  authorized("POST", `${phone(externalId)}/files`, { blob, query: about });
export const phoneFile = (externalId, messageId) => get(`${phone(externalId)}/messages/${id(messageId)}/file`);
export const phoneReads = (externalId) => post(`${phone(externalId)}/read`);
export const changePhone = (externalId, changes) => patch(phone(externalId), changes);

// Firebase Cloud Messaging and Apple's push notification service, as their documents say, for
// phones that are not there:
//   node serve.mjs SETTINGS.json
// prints one line of JSON with the addresses. SETTINGS has the public keys (PEM) of who may send,
// their names, a certificate with its key, and the topics (bundle ids) of the team.
//
// https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
// https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
// https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
// https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
// https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
import { createPublicKey, randomBytes, randomUUID, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const addresses = {};
const devices = new Map(); // by token: { kind, environment, topic, state, since, seen, waiting }
const answers = { fcm: [], apns: [] }; // what tests want to be answered, in place of what would be
const accessTokens = new Set();
const counts = { fcmTokens: 0, apnsTokens: 0, apnsSessions: 0, fcmTries: 0, apnsTries: 0 };
const sessions = new Set();

const read = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
};

// JSON Web Tokens, https://www.rfc-editor.org/rfc/rfc7515
const signed = (token, pem, algorithm) => {
  const [head, claims, signature, ...more] = token.split(".");
  if (!signature || more.length) return null;
  const text = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
  try {
    const header = text(head);
    if (header.alg !== algorithm) return null;
    const key = { key: createPublicKey(pem), dsaEncoding: "ieee-p1363" };
    const right = verify("sha256", Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, "base64url"));
    return right ? { header, claims: text(claims) } : null;
  } catch {
    return null;
  }
};

// A device that is switched off gets, once it is on again, the last of each topic.
const bring = (device, topic, push) => {
  if (device.state === "on") device.seen.push(push);
  else {
    device.waiting.delete(topic);
    device.waiting.set(topic, push);
  }
};

// Firebase

const FCM = {
  invalid: (message, details) => [400, { status: "INVALID_ARGUMENT", message, details }],
  error: (errorCode) => [{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", errorCode }],
};
const MESSAGE = { token: "string", notification: "object", data: "object", android: "object", apns: "object" };
const NOTIFICATION = { title: "string", body: "string", image: "string" };
const ANDROID = { collapse_key: "string", priority: "string", ttl: "string", notification: "object" };
const ANDROID_NOTIFICATION = { tag: "string", notification_count: "number", default_sound: "boolean" };
const APNS = { headers: "object", payload: "object" };

const unknown = (value, fields, where) => {
  for (const [name, one] of Object.entries(value)) {
    if (!(name in fields)) return `Invalid JSON payload received. Unknown name "${name}" at '${where}': Cannot find field.`;
    if (typeof one !== fields[name]) return `Invalid value at '${where}.${name}'`;
  }
  return null;
};

const wrong = (message) =>
  unknown(message, MESSAGE, "message") ??
  unknown(message.notification ?? {}, NOTIFICATION, "message.notification") ??
  unknown(message.android ?? {}, ANDROID, "message.android") ??
  unknown(message.android?.notification ?? {}, ANDROID_NOTIFICATION, "message.android.notification") ??
  unknown(message.apns ?? {}, APNS, "message.apns") ??
  (Object.values(message.apns?.headers ?? {}).some((one) => typeof one !== "string") ? "Invalid value at 'message.apns.headers'" : null) ??
  (Object.values(message.data ?? {}).some((one) => typeof one !== "string") ? "Invalid value at 'message.data[0].value' (TYPE_STRING)" : null) ??
  (Object.keys(message.data ?? {}).some((name) => /^(from|message_type|google.*|gcm.*)$/.test(name)) ? "Invalid data payload key" : null) ??
  (/^\d+(\.\d+)?s$/.test(message.android?.ttl ?? "1s") ? null : "Invalid value at 'message.android.ttl' (type.googleapis.com/google.protobuf.Duration)") ??
  (/^(normal|high)$/i.test(message.android?.priority ?? "high") ? null : "Invalid value at 'message.android.priority'");

const messagesSend = (authorization, body) => {
  if (!accessTokens.has(authorization?.replace(/^Bearer /, ""))) {
    return [401, { status: "UNAUTHENTICATED", message: "Request had invalid authentication credentials." }];
  }
  let message;
  try {
    ({ message } = JSON.parse(body));
  } catch {
    return FCM.invalid("Invalid JSON payload received.");
  }
  const why = wrong(message);
  if (why) return FCM.invalid(why, [{ "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations: [{ field: "message", description: why }] }]);
  const { notification = {}, data = {}, token, android = {} } = message;
  const words = [...Object.values(notification), ...Object.entries(data).flat()];
  if (words.reduce((sum, one) => sum + Buffer.byteLength(one), 0) > 4096) return FCM.invalid("Android message is too big");
  const device = devices.get(token);
  if (device?.kind !== "fcm") {
    return FCM.invalid("The registration token is not a valid FCM registration token", FCM.error("INVALID_ARGUMENT"));
  }
  if (device.state === "gone") return [404, { status: "NOT_FOUND", message: "Requested entity was not found.", details: FCM.error("UNREGISTERED") }];
  bring(device, android.collapse_key ?? randomUUID(), message);
  return [200, { name: `projects/${settings.fcm.project}/messages/${randomUUID()}` }];
};

const token = (body) => {
  const form = new URLSearchParams(body);
  const claim = signed(form.get("assertion") ?? "", settings.fcm.publicKey, "RS256");
  const now = Date.now() / 1000;
  const good =
    form.get("grant_type") === "urn:ietf:params:oauth:grant-type:jwt-bearer" &&
    claim?.header.kid === settings.fcm.keyId &&
    claim.claims.iss === settings.fcm.email &&
    claim.claims.aud === `${addresses.fcm}/token` &&
    claim.claims.scope === "https://www.googleapis.com/auth/firebase.messaging" &&
    claim.claims.exp > now && claim.claims.exp <= claim.claims.iat + 3600;
  if (!good) return [400, { error: "invalid_grant", error_description: "Invalid JWT Signature." }];
  counts.fcmTokens += 1;
  const made = `ya29.${randomBytes(40).toString("base64url")}`;
  accessTokens.add(made);
  return [200, { access_token: made, expires_in: 3599, token_type: "Bearer" }];
};

// What tests ask of us

const control = (path, body) => {
  const device = devices.get(body.token);
  switch (path) {
    case "/control/device": {
      const made = body.kind === "fcm"
        ? `${randomBytes(11).toString("base64url")}:APA91b${randomBytes(100).toString("base64url")}`
        : randomBytes(32).toString("hex");
      devices.set(made, { environment: "production", topic: settings.apns.topics[0], ...body, state: "on", seen: [], waiting: new Map() });
      return { token: made };
    }
    case "/control/answer":
      answers[body.kind] = Array(body.times ?? 1e6).fill(body);
      return {};
    case "/control/expire":
      Object.assign(device, { state: "gone", since: body.since ?? Date.now() });
      return {};
    case "/control/off":
      device.state = "off";
      return {};
    case "/control/on":
      device.state = "on";
      device.seen.push(...device.waiting.values());
      device.waiting.clear();
      return {};
    case "/control/seen":
      return { seen: device.seen };
    case "/control/revoke":
      accessTokens.clear();
      return {};
    case "/control/hang-up":
      for (const one of sessions) one.destroy();
      return {};
    case "/control/counts":
      return counts;
    default:
      throw new Error(path);
  }
};

const firebase = http.createServer(async (request, response) => {
  const body = (await read(request)).toString();
  const say = (status, told, headers = {}) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(told));
  if (request.url.startsWith("/control/")) return say(200, control(request.url, body ? JSON.parse(body) : {}));
  if (request.method === "POST" && request.url === "/token") return say(...token(body));
  if (request.method === "POST" && request.url === `/v1/projects/${settings.fcm.project}/messages:send`) {
    counts.fcmTries += 1;
    const wanted = answers.fcm.shift();
    if (wanted) return say(wanted.status, wanted.body, wanted.headers);
    const [status, told] = messagesSend(request.headers.authorization, body);
    return say(status, status === 200 ? told : { error: { code: status, ...told } });
  }
  return response.writeHead(404, { "content-type": "text/html" }).end("<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>");
});

// Apple

let newest = null; // the provider token that was seen last

const provider = (authorization) => {
  const [scheme, given] = (authorization ?? "").split(" ");
  if (scheme.toLowerCase() !== "bearer" || !given) return [403, "MissingProviderToken"];
  const found = signed(given, settings.apns.publicKey, "ES256");
  if (!found || found.header.kid !== settings.apns.keyId || found.claims.iss !== settings.apns.team) return [403, "InvalidProviderToken"];
  const age = Date.now() / 1000 - found.claims.iat;
  if (age > 3600 || age < -60) return [403, "ExpiredProviderToken"];
  if (newest !== null && newest.given !== given) {
    if (found.claims.iat - newest.iat < 1200) return [429, "TooManyProviderTokenUpdates"];
  }
  if (newest?.given !== given) counts.apnsTokens += 1;
  newest = { given, iat: found.claims.iat };
  return null;
};

const TYPES = ["alert", "background", "location", "voip", "complication", "fileprovider", "mdm", "liveactivity", "pushtotalk", "widgets"];

const deliver = (environment, headers, body) => {
  if (headers[":method"] !== "POST") return [405, "MethodNotAllowed"];
  const [, name] = /^\/3\/device\/([^/]*)$/.exec(headers[":path"]) ?? [];
  if (name === undefined) return [404, "BadPath"];
  const stranger = provider(headers.authorization);
  if (stranger) return stranger;
  const topic = headers["apns-topic"];
  if (!topic) return [400, "MissingTopic"];
  if (!settings.apns.topics.includes(topic)) return [400, "TopicDisallowed"];
  if (!TYPES.includes(headers["apns-push-type"])) return [400, "InvalidPushType"];
  if (!["1", "5", "10"].includes(headers["apns-priority"] ?? "10")) return [400, "BadPriority"];
  if (!/^\d+$/.test(headers["apns-expiration"] ?? "0")) return [400, "BadExpirationDate"];
  if (Buffer.byteLength(headers["apns-collapse-id"] ?? "") > 64) return [400, "BadCollapseId"];
  if (!body.length) return [400, "PayloadEmpty"];
  if (body.length > 4096) return [413, "PayloadTooLarge"];
  const device = devices.get(name);
  if (device?.kind !== "apns" || device.environment !== environment) return [400, "BadDeviceToken"];
  if (device.topic !== topic) return [400, "DeviceTokenNotForTopic"];
  if (device.state === "gone") return [410, "Unregistered", device.since];
  const pick = (one) => one.startsWith("apns-");
  const told = Object.fromEntries(Object.entries(headers).filter(([one]) => pick(one)));
  bring(device, told["apns-collapse-id"] ?? randomUUID(), { headers: told, payload: JSON.parse(body) });
  return [200];
};

const apple = (environment) => {
  const { certificate, key } = settings.apns;
  const server = http2.createSecureServer({ cert: certificate, key, allowHTTP1: false });
  server.on("session", (session) => {
    counts.apnsSessions += 1;
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", async (stream, headers) => {
    stream.on("error", () => {});
    const body = await read(stream).catch(() => null);
    if (body === null || stream.destroyed) return;
    counts.apnsTries += 1;
    const wanted = answers.apns.shift();
    const [status, reason, timestamp] = wanted ? [wanted.status, wanted.reason, wanted.timestamp] : deliver(environment, headers, body);
    stream.respond({ ":status": status, "apns-id": randomUUID().toUpperCase(), ...wanted?.headers });
    stream.end(reason === undefined ? "" : JSON.stringify({ reason, timestamp }));
  });
  return server;
};

const listen = (server) =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
addresses.fcm = `http://127.0.0.1:${await listen(firebase)}`;
addresses.production = `https://127.0.0.1:${await listen(apple("production"))}`;
addresses.sandbox = `https://127.0.0.1:${await listen(apple("sandbox"))}`;
console.log(JSON.stringify(addresses));
process.stdin.on("end", () => process.exit(0)).resume();

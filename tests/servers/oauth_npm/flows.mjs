// Does every grant that our discovery document names, and tells what came of each.
import * as oauth from "openid-client";

const { issuer, person, key } = JSON.parse(process.argv[2]);
const options = { algorithm: "oauth2", execute: [oauth.allowInsecureRequests] };
const server = new URL(issuer);
const told = {};

async function refusal(work) {
  try {
    await work();
  } catch (error) {
    return error.error ?? error.code;
  }
}

// A public client for a person.
const app = await oauth.discovery(server, "app", {}, oauth.None(), options);
told.metadata = app.serverMetadata();
const signedIn = await oauth.genericGrantRequest(app, "password", person);
told.password = signedIn;
const renewed = await oauth.refreshTokenGrant(app, signedIn.refresh_token);
told.rotated = renewed.refresh_token !== signedIn.refresh_token;
told.whoami = await (
  await oauth.fetchProtectedResource(
    app, renewed.access_token, new URL("/v1/users/me", issuer), "GET",
  )
).json();
told.reuse = await refusal(() => oauth.refreshTokenGrant(app, signedIn.refresh_token));
told.afterReuse = await refusal(() => oauth.refreshTokenGrant(app, renewed.refresh_token));
told.wrong = await refusal(() =>
  oauth.genericGrantRequest(app, "password", { ...person, password: "wrong horse battery" }));

// A program with its API key, both ways to say it.
for (const auth of ["ClientSecretPost", "ClientSecretBasic"]) {
  const program = await oauth.discovery(server, key.id, {}, oauth[auth](key.text), options);
  told[auth] = await oauth.clientCredentialsGrant(program, { scope: "read" });
  told[`${auth}TooMuch`] = await refusal(() =>
    oauth.clientCredentialsGrant(program, { scope: "admin" }));
}
const wrong = await oauth.discovery(
  server, key.id, {}, oauth.ClientSecretBasic(`${key.text}x`), options,
);
told.wrongKey = await refusal(() => oauth.clientCredentialsGrant(wrong));

// Introspection and revocation, by a person about a token of theirs.
const again = await oauth.genericGrantRequest(app, "password", person);
const bearer = (_server, _client, _body, headers) =>
  headers.set("authorization", `Bearer ${again.access_token}`);
const asking = await oauth.discovery(server, "app", {}, bearer, options);
told.active = await oauth.tokenIntrospection(asking, again.access_token);
const other = await oauth.genericGrantRequest(app, "password", person);
await oauth.tokenRevocation(app, other.refresh_token);
told.revoked = await oauth.tokenIntrospection(asking, other.refresh_token);

console.log(JSON.stringify(told));

// Verifies deliveries by the library of Standard Webhooks, as its README says.
// node verify.mjs: reads [{secret, headers, body}], prints the id of each, or what was wrong.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const said = JSON.parse(readFileSync(0, "utf-8")).map(({ secret, headers, body }) => {
  try {
    return new Webhook(secret).verify(body, headers).id;
  } catch (error) {
    return error.name;
  }
});
console.log(JSON.stringify(said));

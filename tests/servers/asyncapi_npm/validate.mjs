// Validates an AsyncAPI document by the library with which `asyncapi validate` does.
// node validate.mjs: reads the document, prints the diagnostics: {code, message, path, severity}, 0 an error, 1 a warning.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const found = await new Parser().validate(readFileSync(0, "utf-8"));
console.log(JSON.stringify(found.map(({ code, message, path, severity }) => ({ code, message, path, severity }))));

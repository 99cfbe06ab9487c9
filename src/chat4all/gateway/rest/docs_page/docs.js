/** Shows /openapi.json as a page. Nothing is loaded from elsewhere, and nothing is put in as HTML. */

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const nameOf = (ref) => ref.split("/").at(-1);

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return element("a", { href: `#schema-${nameOf(schema.$ref)}` }, nameOf(schema.$ref));
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return element("span", {}, ...either.flatMap((one, at) => (at ? [" | ", typeOf(one)] : [typeOf(one)])));
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return element("span", {}, "list of ", typeOf(schema.items));
  return [schema.type, schema.format && `(${schema.format})`].filter(Boolean).join(" ") || "any";
}

function rules(schema) {
  const names = ["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "default"];
  return names.filter((name) => schema?.[name] !== undefined).map((name) => `${name} ${schema[name]}`).join(", ");
}

function table(heads, rows) {
  if (!rows.length) return null;
  const row = (cells, kind) => element("tr", {}, ...cells.map((cell) => element(kind, {}, cell)));
  return element("table", {}, element("thead", {}, row(heads, "th")), element("tbody", {}, ...rows.map((cells) => row(cells, "td"))));
}

function contentOf(described) {
  const [media, content] = Object.entries(described?.content ?? {})[0] ?? [];
  return media ? element("span", {}, typeOf(content.schema), ` as ${media}`) : "—";
}

function operationOf(api, path, method, operation) {
  const resolve = (one) => (one.$ref ? api.components.responses[nameOf(one.$ref)] : one);
  const parameters = (operation.parameters ?? []).map((one) => [
    `${one.name}${one.required ? "" : "?"}`, one.in, typeOf(one.schema), [one.description, rules(one.schema)].filter(Boolean).join(" · "),
  ]);
  const responses = Object.entries(operation.responses).map(([status, one]) => [status, resolve(one).description ?? "", contentOf(resolve(one))]);
  return element(
    "details",
    { id: operation.operationId },
    element(
      "summary",
      {},
      element("span", { class: "method" }, method),
      element("span", { class: "path" }, path),
      operation.security?.length ? element("span", { class: "lock", title: "needs an access token" }, " 🔒") : null,
      ` ${operation.description ?? operation.summary ?? ""}`,
    ),
    table(["parameter", "in", "type", ""], parameters),
    operation.requestBody ? element("p", {}, "Body: ", contentOf(operation.requestBody)) : null,
    table(["status", "meaning", "body"], responses),
  );
}

function schemaOf(name, schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([key, one]) => [
    `${key}${required.has(key) ? "" : "?"}`, typeOf(one), [one.description, rules(one)].filter(Boolean).join(" · "),
  ]);
  const example = schema.examples?.[0];
  return element(
    "details",
    { id: `schema-${name}` },
    element("summary", {}, name, schema.description ? ` — ${schema.description}` : ""),
    schema.enum ? element("p", {}, schema.enum.join(" | ")) : null,
    table(["field", "type", ""], rows),
    example ? element("pre", {}, JSON.stringify(example, null, 2)) : null,
  );
}

function show(api, words) {
  const wanted = words.toLowerCase();
  const sections = (api.tags ?? []).map((tag) => {
    const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
      METHODS.filter((method) => methods[method]?.tags?.includes(tag.name))
        .filter((method) => `${method} ${path} ${methods[method].description ?? ""}`.toLowerCase().includes(wanted))
        .map((method) => operationOf(api, path, method, methods[method])),
    );
    return operations.length ? element("section", {}, element("h2", {}, tag.name), element("p", {}, tag.description ?? ""), ...operations) : null;
  });
  document.getElementById("operations").replaceChildren(...sections.filter(Boolean));
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) target.open = true;
  target?.scrollIntoView();
}

const api = await (await fetch("/openapi.json")).json();
document.getElementById("description").textContent = api.info.description;
document.getElementById("filter").addEventListener("input", (event) => show(api, event.target.value));
show(api, "");
document.getElementById("schemas").replaceChildren(
  element("h2", {}, "Schemas"),
  ...Object.entries(api.components.schemas).map(([name, schema]) => schemaOf(name, schema)),
);
document.getElementById("problems").replaceChildren(
  element("h2", {}, "Problems"),
  element("p", {}, "An error's `type` leads here; `code` is stable."),
  ...Object.entries(api["x-problems"] ?? {}).map(([code, one]) =>
    element("p", { id: `problem-${code}` }, element("strong", {}, code), ` (${one.status}) ${one.description}`),
  ),
);
window.addEventListener("hashchange", openTarget);
openTarget();

/** One thing to look at: a heading, what is to be seen at a glance, and the picture. */

import { html } from "../../preact.js";

/** @param {{name: string, title: string, value?: string, hint?: string, wide?: boolean}} props */
export function Card({ name, title, value, hint, wide, children }) {
  return html`<section class="card ${wide ? "wide" : ""}" aria-labelledby="card-${name}" data-testid="admin-${name}">
    <header>
      <h2 id="card-${name}">${title}</h2>
      ${value === undefined ? null : html`<p class="card-value">${value}</p>`}
      ${hint ? html`<p class="hint">${hint}</p>` : null}
    </header>
    ${children}
  </section>`;
}

/** A dot that says how something is, with the word for it beside it: colour is not everything. */
export function State({ how, children }) {
  return html`<span class="state state-${how}"><span class="state-dot" aria-hidden="true"></span>${children}</span>`;
}

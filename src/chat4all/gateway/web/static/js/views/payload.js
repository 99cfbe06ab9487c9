/** What a message carries: text with its links, a file, a place, a contact. */

import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { Media } from "./media.js";
import { Text } from "./parts.js";

const VIEWS = {
  text: ({ payload }) => html`<${Text} text=${payload.text} />`,
  image: Media,
  video: Media,
  audio: Media,
  document: Media,
  location: Place,
  contact: Card,
  template: ({ payload }) => html`<${Text} text=${payload.text} />`,
};

export function Payload({ message, isDeleted }) {
  if (isDeleted) return html`<p class="deleted-text">${t("message.deleted")}</p>`;
  const View = VIEWS[message.payload.type];
  return View ? html`<${View} payload=${message.payload} message=${message} />` : html`<p class="deleted-text">${t("message.unknown")}</p>`;
}

function Place({ payload }) {
  const { latitude, longitude } = payload;
  const href = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`;
  return html`<a class="card" href=${href} target="_blank" rel="noopener noreferrer">
    <${Icon} name="pin" />
    <span>${payload.name || t("message.location")}<small>${t("message.openMap")}</small></span>
  </a>`;
}

function Card({ payload }) {
  return html`<div class="card">
    <${Icon} name="person" />
    <span>${payload.name}<small>${[payload.phone, payload.email].filter(Boolean).join(" · ")}</small></span>
  </div>`;
}

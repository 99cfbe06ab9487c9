/** What a message carries: text with its links, a file, a place, a contact. */

import { orTell } from "../actions.js";
import * as api from "../api.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { Text } from "./parts.js";

const VIEWS = {
  text: ({ payload }) => html`<${Text} text=${payload.text} />`,
  image: Picture,
  video: FileCard,
  audio: FileCard,
  document: FileCard,
  location: Place,
  contact: Card,
  template: ({ payload }) => html`<${Text} text=${payload.text} />`,
};

export function Payload({ message, isDeleted }) {
  if (isDeleted) return html`<p class="deleted-text">${t("message.deleted")}</p>`;
  const View = VIEWS[message.payload.type];
  return View ? html`<${View} payload=${message.payload} />` : html`<p class="deleted-text">${t("message.unknown")}</p>`;
}

function Caption({ payload }) {
  return payload.caption ? html`<${Text} text=${payload.caption} />` : null;
}

/** A picture, fetched with the reader's token: an address in `src` could not carry it. */
function Picture({ payload }) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    let made = null;
    let isGone = false;
    api.fileContent(payload.file_id).then(
      (blob) => {
        if (isGone) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      },
      (error) => console.warn("a picture could not be loaded:", error.message),
    );
    return () => {
      isGone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [payload.file_id]);
  if (!url) return html`<${FileCard} payload=${payload} />`;
  return html`<img class="picture" src=${url} alt=${payload.caption || t("message.image")} /><${Caption} payload=${payload} />`;
}

function FileCard({ payload }) {
  const name = payload.name ?? t(`message.${payload.type}`);
  const download = () =>
    orTell(async () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await api.fileContent(payload.file_id));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    });
  return html`<button type="button" class="card" aria-label="${t("message.download")}: ${name}" onClick=${download}>
    <${Icon} name="file" /><span>${name}</span>
  </button><${Caption} payload=${payload} />`;
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

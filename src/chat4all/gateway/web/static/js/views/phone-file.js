/** The file of a message on a simulated phone: a picture as it is, anything else as a card to save it. */

import * as api from "../api.js";
import { kindOf } from "../files/kinds.js";
import { errorText, sizeOf } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { FileIcon } from "./attachments.js";

export function PhoneFile({ externalId, message }) {
  const { file, external_id: messageId } = message;
  const [error, setError] = useState(null);
  const isPicture = kindOf(file.mime_type) === "image";
  const url = useBlob(isPicture ? () => api.phoneFile(externalId, messageId) : null, messageId, setError);
  if (isPicture && !error) {
    return html`<img class="picture phone-picture" src=${url ?? ""} alt=${file.name} hidden=${!url} data-testid="phone-picture" />`;
  }
  const save = () => api.phoneFile(externalId, messageId).then((blob) => saveAs(blob, file.name), setError);
  return html`<button type="button" class="card phone-file" data-testid="phone-file" onClick=${save}>
    <${FileIcon} name=${file.name} mimeType=${file.mime_type} />
    <span>${file.name}<small>${error ? errorText(error) : sizeOf(file.size)}</small></span>
  </button>`;
}

function useBlob(load, key, onError) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    if (!load) return undefined;
    let made = null;
    let isGone = false;
    load().then((blob) => {
      if (isGone) return;
      made = URL.createObjectURL(blob);
      setUrl(made);
    }, onError);
    return () => {
      isGone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [key]);
  return url;
}

function saveAs(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

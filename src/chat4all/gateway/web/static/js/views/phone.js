/** A phone network that exists only on this server: play the contacts of the `mock` channel. */

import * as api from "../api.js";
import { Icon } from "../icons.js";
import { errorText, t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { currentSession } from "../session.js";
import { Avatar, EmptyState, FormError, useSubmit } from "./parts.js";
import { PhoneScreen } from "./phone-screen.js";
import { usePolling } from "./polling.js";

export function PhonePage() {
  if (!currentSession()) {
    return html`<main class="auth"><section class="auth-card">
      <header><img src="icons/app.svg" alt="" width="56" height="56" /><h1>${t("phone.title")}</h1></header>
      <p>${t("phone.signIn")}</p>
      <a class="primary" href="./" data-testid="phone-sign-in">${t("auth.signIn")}</a>
    </section></main>`;
  }
  return html`<${Phones} />`;
}

function Phones() {
  const [number, setNumber] = useState(decodeURIComponent(location.hash.slice(1)));
  const { value, error } = usePolling(api.phones, []);
  const phones = value?.items ?? [];
  const choose = (externalId) => {
    location.hash = encodeURIComponent(externalId);
    setNumber(externalId);
  };
  const chosen = phones.find((phone) => phone.external_id === number);
  return html`<div class="phone-page">
    <header class="bar">
      <img src="icons/app.svg" alt="" width="32" height="32" />
      <div class="bar-title"><h1>${t("phone.title")}</h1><p class="bar-subtitle">${t("phone.intro")}</p></div>
      <a class="secondary" href="./">${t("phone.toClient")}</a>
    </header>
    ${error ? html`<p class="banner" role="alert" data-testid="phone-error">${errorText(error)}</p>` : null}
    <nav class="phone-list" aria-label=${t("phone.list")}>
      <${PhoneList} phones=${phones} number=${number} isLoaded=${Boolean(value)} onChoose=${choose} />
      <${AddPhone} onAdded=${choose} />
    </nav>
    <main class="phone-stage">
      ${number
        ? html`<${PhoneScreen} key=${number} externalId=${number} name=${chosen?.display_name || number} />`
        : html`<${EmptyState} icon="phone" title=${t("phone.choose")} />`}
    </main>
  </div>`;
}

function PhoneList({ phones, number, isLoaded, onChoose }) {
  if (isLoaded && !phones.length) {
    return html`<${EmptyState} icon="phone" title=${t("phone.none")}><p>${t("phone.noneHint")}</p><//>`;
  }
  return html`<ul class="rows" data-testid="phone-list">
    ${phones.map((phone) => {
      const name = phone.display_name || phone.external_id;
      const isActive = phone.external_id === number;
      return html`<li key=${phone.external_id}>
        <button type="button" class="row ${isActive ? "active" : ""}" aria-current=${isActive ? "true" : null}
          data-testid="phone-item" data-external-id=${phone.external_id} onClick=${() => onChoose(phone.external_id)}>
          <${Avatar} id=${phone.external_id} name=${name} presence=${phone.online ? "online" : undefined} />
          <span class="row-main">
            <span class="row-title">${name}</span>
            <span class="row-text">${phone.external_id}</span>
          </span>
          ${phone.fail ? html`<span class="tag danger">${t(phone.fail === "permanent" ? "phone.failPermanent" : "phone.failTemporary")}</span>` : null}
          ${phone.online ? null : html`<span class="tag">${t("phone.offline")}</span>`}
        </button>
      </li>`;
    })}
  </ul>`;
}

/** A phone belongs to a contact, so a new phone is a new contact on the mock channel. */
function AddPhone({ onAdded }) {
  const { error, isBusy, submit } = useSubmit();
  const onSubmit = (event) => {
    const form = event.currentTarget;
    const [name, number] = [form.elements.displayName.value.trim(), form.elements.number.value.trim()];
    return submit(async () => {
      await api.createContact(name, [{ platform: "mock", external_id: number }]);
      form.reset();
      onAdded(number);
    })(event);
  };
  return html`<form class="phone-add" onSubmit=${onSubmit}>
    <input name="displayName" data-testid="phone-add-name" aria-label=${t("contact.name")} placeholder=${t("contact.name")}
      maxlength="200" autocomplete="off" required />
    <input name="number" type="tel" data-testid="phone-add-number" aria-label=${t("phone.number")}
      placeholder=${t("phone.number")} maxlength="200" autocomplete="off" required />
    <${FormError} error=${error} />
    <button class="secondary" data-testid="phone-add" disabled=${isBusy}><${Icon} name="plus" />${t("phone.add")}</button>
  </form>`;
}

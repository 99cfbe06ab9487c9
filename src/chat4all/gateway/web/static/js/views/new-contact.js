/** Add somebody who is reached over another platform. */

import { closeDialog, createContact } from "../actions.js";
import { channelName, t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { Dialog } from "./dialog.js";
import { Field, FormError, useSubmit } from "./parts.js";

const PLATFORMS = ["telegram", "whatsapp", "mock"];

export function NewContact() {
  const [platform, setPlatform] = useState(PLATFORMS[0]);
  const { error, isBusy, submit } = useSubmit();
  const onSubmit = (event) => {
    const { displayName, externalId } = event.currentTarget.elements;
    return submit(() => createContact(displayName.value.trim(), platform, externalId.value.trim()))(event);
  };
  return html`<${Dialog} title=${t("nav.newContact")} testid="new-contact-dialog">
    <form class="form" data-testid="new-contact-form" onSubmit=${onSubmit}>
      <${Field} id="contact-name" name="displayName" label=${t("contact.name")} data-testid="new-contact-name"
        maxlength="100" autocomplete="off" required />
      <div class="field">
        <label for="contact-platform">${t("contact.platform")}</label>
        <select id="contact-platform" data-testid="new-contact-platform" value=${platform}
          onChange=${(event) => setPlatform(event.currentTarget.value)}>
          ${PLATFORMS.map((name) => html`<option key=${name} value=${name}>${channelName(name)}</option>`)}
        </select>
      </div>
      <${Field} id="contact-external-id" name="externalId" label=${t("contact.externalId")} maxlength="200"
        hint=${t(`contact.externalIdHint.${platform}`)} data-testid="new-contact-external-id" autocomplete="off" required />
      <${FormError} error=${error} />
      <footer>
        <button type="button" class="secondary" onClick=${closeDialog}>${t("action.cancel")}</button>
        <button class="primary" data-testid="new-contact-submit" disabled=${isBusy}>${t("contact.create")}</button>
      </footer>
    </form>
  <//>`;
}

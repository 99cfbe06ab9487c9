/** Whether this device is told of messages while nobody looks, and when. */

import { canNotify, changeWishes, currentDevice, switchOff, switchOn } from "../device.js";
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { FormError, useSubmit } from "./parts.js";

const NIGHT = { start: "22:00", end: "07:00" };

export function Notifications() {
  const [device, setDevice] = useState(null);
  const { error, isBusy, submit } = useSubmit();
  useEffect(() => void submit(async () => setDevice(await currentDevice()))(), []);
  if (!canNotify()) return html`<p class="hint">${t("notifications.impossible")}</p>`;
  const toggle = submit(async () => setDevice(device ? await switchOff() : await switchOn()));
  const wish = (changes) => submit(async () => setDevice(await changeWishes(device, changes)))();
  return html`<fieldset class="ticks" disabled=${isBusy}>
    <legend>${t("notifications.title")}</legend>
    <${Tick} testid="notifications-switch" label=${t("notifications.here")} checked=${Boolean(device)} onChange=${toggle} />
    ${device ? html`<${Wishes} wishes=${device.preferences} onWish=${wish} />` : null}
    <${FormError} error=${error} />
  </fieldset>`;
}

function Wishes({ wishes, onWish }) {
  const quiet = wishes.quiet_hours;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const set = (hours) => onWish({ quiet_hours: hours && { ...quiet, ...hours, time_zone: zone } });
  const hour = (name) => html`<input type="time" name=${name} required value=${quiet[name]} aria-label=${t(`notifications.${name}`)}
    data-testid="quiet-${name}" onChange=${({ currentTarget: { value } }) => value && set({ [name]: value })} />`;
  return html`
    <${Tick} testid="notifications-content" label=${t("notifications.content")} checked=${wishes.show_content}
      onChange=${() => onWish({ show_content: !wishes.show_content })} />
    <${Tick} testid="quiet-switch" label=${t("notifications.quiet")} checked=${Boolean(quiet)}
      onChange=${() => set(quiet ? null : NIGHT)} />
    ${quiet ? html`<p class="hours">${hour("start")} – ${hour("end")}</p>` : null}
  `;
}

function Tick({ testid, label, checked, onChange }) {
  return html`<label><input type="checkbox" checked=${checked} data-testid=${testid} onChange=${onChange} /><span>${label}</span></label>`;
}

/** Beside the button that sends: the times at which a text is sent instead of now. */

import { closeDialog, openDialog, orTell } from "../actions.js";
import { Icon } from "../icons.js";
import { momentOf, t } from "../i18n.js";
import { html } from "../preact.js";
import { farthest, fieldValue, inOneHour, ownZone, tomorrowMorning } from "../scheduled.js";
import { Dialog } from "./dialog.js";
import { Menu, MenuItem } from "./menu.js";
import { Field, FormError, Text, useSubmit } from "./parts.js";

/** @param {{text: string, onChoose: (at: Date) => Promise<void>}} props `onChoose` throws what the server says */
export function SendLaterButton({ text, onChoose }) {
  return html`<${Menu} label=${t("later.send")} testid="send-later" class="icon-button send-later"
    button=${html`<${Icon} name="clock" />`}>
    <${Choice} at=${inOneHour()} testid="later-hour" onChoose=${onChoose}>${t("later.inOneHour")}<//>
    <${Choice} at=${tomorrowMorning()} testid="later-tomorrow" onChoose=${onChoose}>${t("later.tomorrow")}<//>
    <${MenuItem} icon="edit" testid="later-choose" onSelect=${() => openDialog("send-later", { text, onChoose })}>
      ${t("later.choose")}
    <//>
  <//>`;
}

function Choice({ at, children, testid, onChoose }) {
  return html`<${MenuItem} icon="clock" testid=${testid} onSelect=${() => orTell(() => onChoose(at))}>
    ${children}<small>${momentOf(at)}</small>
  <//>`;
}

/** The dialog that asks for any other time. */
export function SendLater({ text, onChoose }) {
  const { error, isBusy, submit } = useSubmit();
  const onSubmit = (event) => {
    const at = new Date(event.currentTarget.elements.at.value);
    return submit(async () => {
      await onChoose(at);
      closeDialog();
    })(event);
  };
  return html`<${Dialog} title=${t("later.send")} testid="send-later-dialog">
    <form class="form" onSubmit=${onSubmit}>
      <div class="later-preview"><${Text} text=${text} /></div>
      <${TimeField} id="later-at" at=${tomorrowMorning()} />
      <${FormError} error=${error} />
      <footer>
        <button type="button" class="secondary" onClick=${closeDialog}>${t("action.cancel")}</button>
        <button class="primary" data-testid="later-schedule" disabled=${isBusy}>
          <${Icon} name="clock" />${t("later.schedule")}
        </button>
      </footer>
    </form>
  <//>`;
}

/** A date and a time on the clock of this browser. */
export function TimeField({ id, at }) {
  return html`<${Field} id=${id} name="at" type="datetime-local" label=${t("later.when")}
    hint=${t("later.zone", { zone: zoneName() })} defaultValue=${fieldValue(at)} min=${fieldValue(new Date())}
    max=${fieldValue(farthest())} data-testid=${id} required />`;
}

const zoneName = () => (ownZone() ?? "UTC").replaceAll("_", " ");

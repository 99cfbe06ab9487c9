/** Start a group: a name and its first members. */

import { closeDialog, createGroup } from "../actions.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { Dialog } from "./dialog.js";
import { Field, FormError, useSubmit } from "./parts.js";
import { PeoplePicker } from "./people-picker.js";

export function NewGroup() {
  const [chosen, setChosen] = useState(new Map());
  const { error, isBusy, submit } = useSubmit();
  const toggle = (user) => {
    const next = new Map(chosen);
    if (!next.delete(user.id)) next.set(user.id, user);
    setChosen(next);
  };
  const onSubmit = (event) => {
    const name = event.currentTarget.elements.groupName.value.trim();
    return submit(() => createGroup(name, [...chosen.keys()]))(event);
  };
  return html`<${Dialog} title=${t("nav.newGroup")} testid="new-group-dialog">
    <form class="form" data-testid="new-group-form" onSubmit=${onSubmit}>
      <${Field} id="group-name" name="groupName" label=${t("group.name")} data-testid="new-group-name" maxlength="100"
        autocomplete="off" required />
      ${chosen.size ? html`<${Chosen} people=${[...chosen.values()]} onRemove=${toggle} />` : null}
      <${PeoplePicker} label=${t("group.members")} testid="new-group" chosen=${new Set(chosen.keys())} onPick=${toggle} />
      <${FormError} error=${error} />
      <footer>
        <button type="button" class="secondary" onClick=${closeDialog}>${t("action.cancel")}</button>
        <button class="primary" data-testid="new-group-submit" disabled=${isBusy || !chosen.size}>${t("group.create")}</button>
      </footer>
    </form>
  <//>`;
}

function Chosen({ people, onRemove }) {
  return html`<ul class="chips" aria-label=${t("group.selected")}>
    ${people.map((user) => {
      const name = user.display_name || user.username;
      return html`<li key=${user.id}>
        <button type="button" class="chip" aria-label=${t("group.removeMember", { name })} onClick=${() => onRemove(user)}>
          ${name}<${Icon} name="close" />
        </button>
      </li>`;
    })}
  </ul>`;
}

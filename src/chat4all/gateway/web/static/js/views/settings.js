/** Looks, language and name. */

import { rename } from "../actions.js";
import { t } from "../i18n.js";
import { readPreferences, savePreferences } from "../preferences.js";
import { html, useState } from "../preact.js";
import { store, useSelect } from "../store.js";
import { Dialog } from "./dialog.js";
import { Notifications } from "./notifications.js";
import { Field, FormError, useSubmit } from "./parts.js";

export function Settings() {
  const [preferences, setPreferences] = useState(readPreferences());
  const change = (values) => {
    const next = { ...preferences, ...values };
    setPreferences(next);
    store.dispatch({ type: "set", values: { locale: savePreferences(next) } });
  };
  return html`<${Dialog} title=${t("nav.settings")} testid="settings-dialog">
    <${Choice} name="theme" title=${t("settings.theme")} value=${preferences.theme}
      options=${[["auto", t("settings.auto")], ["light", t("settings.light")], ["dark", t("settings.dark")]]}
      onChange=${(theme) => change({ theme })} />
    <${Choice} name="language" title=${t("settings.language")} value=${preferences.language}
      options=${[["auto", t("settings.languageAuto")], ["en", "English"], ["pt-BR", "Português"]]}
      onChange=${(language) => change({ language })} />
    <${Notifications} />
    <${DisplayName} />
    <${Shortcuts} />
  <//>`;
}

function Choice({ name, title, value, options, onChange }) {
  return html`<fieldset class="segments">
    <legend>${title}</legend>
    <div>
      ${options.map(
        ([option, label]) => html`<label key=${option}>
          <input type="radio" name=${name} value=${option} checked=${option === value} data-testid="${name}-${option}"
            onChange=${() => onChange(option)} /><span>${label}</span>
        </label>`,
      )}
    </div>
  </fieldset>`;
}

function DisplayName() {
  const me = useSelect((state) => state.me);
  const [isSaved, setSaved] = useState(false);
  const { error, isBusy, submit } = useSubmit();
  const onSubmit = (event) => {
    const name = event.currentTarget.elements.displayName.value.trim();
    return submit(async () => {
      await rename(name);
      setSaved(true);
    })(event);
  };
  return html`<form class="form" onSubmit=${onSubmit}>
    <${Field} id="settings-name" name="displayName" label=${t("settings.displayName")} defaultValue=${me.display_name}
      maxlength="100" data-testid="settings-display-name" required onInput=${() => setSaved(false)} />
    <${FormError} error=${error} />
    <footer>
      <span class="hint" role="status">${isSaved ? t("settings.saved") : ""}</span>
      <button class="primary" data-testid="settings-save" disabled=${isBusy}>${t("action.save")}</button>
    </footer>
  </form>`;
}

function Shortcuts() {
  const keys = [
    ["Ctrl+K", "search"],
    ["Enter", "send"],
    ["Shift+Enter", "newline"],
    ["↑", "edit"],
    ["Esc", "close"],
  ];
  return html`<details class="shortcuts">
    <summary>${t("settings.shortcuts")}</summary>
    <dl>${keys.map(([key, name]) => html`<div key=${name}><dt><kbd>${key}</kbd></dt><dd>${t(`shortcut.${name}`)}</dd></div>`)}</dl>
  </details>`;
}

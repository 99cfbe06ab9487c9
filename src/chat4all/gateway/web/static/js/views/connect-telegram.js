/** For administrators: connect a Telegram bot by its token, and see the bots there are. */

import { orTell } from "../actions.js";
import * as api from "../api.js";
import { ChannelIcon } from "../icons.js";
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { Dialog } from "./dialog.js";
import { Field, FormError, IconButton, useSubmit } from "./parts.js";

const PLATFORM = "telegram";

export function ConnectTelegram() {
  const [bots, setBots] = useState([]);
  const load = async () => {
    const { items } = await api.accounts();
    setBots(items.filter((account) => account.platform === PLATFORM));
  };
  useEffect(() => {
    orTell(load);
  }, []);
  const remove = (bot) =>
    orTell(async () => {
      await api.removeAccount(bot.id);
      await load();
    });
  return html`<${Dialog} title=${t("connect.title")} testid="connect-telegram-dialog">
    <p class="hint">${t("connect.intro")}</p>
    ${bots.length
      ? html`<ul class="rows">
          ${bots.map((bot) => html`<${Bot} key=${bot.id} bot=${bot} onRemove=${() => remove(bot)} />`)}
        </ul>`
      : null}
    <${ConnectForm} onConnected=${load} />
  <//>`;
}

function Bot({ bot, onRemove }) {
  return html`<li class="row static" data-testid="connected-bot">
    <${ChannelIcon} channel=${PLATFORM} />
    <span class="row-main"><span class="row-title">${bot.name}</span></span>
    <${IconButton} icon="trash" label=${t("connect.remove", { name: bot.name })} class="small danger"
      data-testid="connected-bot-remove" onClick=${onRemove} />
  </li>`;
}

function ConnectForm({ onConnected }) {
  const [isConnected, setConnected] = useState(false);
  const { error, isBusy, submit } = useSubmit();
  const onSubmit = (event) => {
    const form = event.currentTarget;
    const { botName, token } = form.elements;
    return submit(async () => {
      await api.connectAccount(PLATFORM, botName.value.trim(), { token: token.value.trim() });
      form.reset();
      setConnected(true);
      await onConnected();
    })(event);
  };
  return html`<form class="form" onSubmit=${onSubmit} onInput=${() => setConnected(false)}>
    <${Field} id="connect-name" name="botName" label=${t("connect.name")} data-testid="connect-telegram-name"
      maxlength="100" autocomplete="off" required />
    <${Field} id="connect-token" name="token" label=${t("connect.token")} hint=${t("connect.tokenHint")} type="password"
      data-testid="connect-telegram-token" maxlength="200" autocomplete="off" spellcheck=${false} required />
    <${FormError} error=${error} />
    <footer>
      <span class="hint" role="status">${isConnected ? t("connect.done") : ""}</span>
      <button class="primary" data-testid="connect-telegram-submit" disabled=${isBusy}>${t("connect.submit")}</button>
    </footer>
  </form>`;
}

/** Link one's own account on another platform, by a code that is sent from there. */

import { copyText, orTell } from "../actions.js";
import * as api from "../api.js";
import { ChannelIcon } from "../icons.js";
import { channelName, t, timeOf } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { Dialog } from "./dialog.js";
import { IconButton } from "./parts.js";

const PLATFORMS = ["telegram", "whatsapp", "mock"];

export function Channels() {
  const [channels, setChannels] = useState([]);
  const [link, setLink] = useState(null);
  const load = () =>
    orTell(async () => {
      const answer = await api.myChannels();
      setChannels((answer.items ?? answer).filter((channel) => channel.platform !== "app"));
    });
  useEffect(() => {
    load();
  }, []);
  const start = (platform) => orTell(async () => setLink({ platform, ...(await api.linkCode(platform)) }));
  const unlink = (channel) =>
    orTell(async () => {
      await api.removeChannel(channel.id);
      await load();
    });
  return html`<${Dialog} title=${t("nav.channels")} testid="channels-dialog">
    <p class="hint">${t("channels.intro")}</p>
    ${channels.length
      ? html`<ul class="rows">
          ${channels.map((channel) => html`<${Linked} key=${channel.id} channel=${channel} onUnlink=${() => unlink(channel)} />`)}
        </ul>`
      : html`<p class="quiet">${t("channels.none")}</p>`}
    ${link ? html`<${Code} link=${link} />` : null}
    <footer class="choices">
      ${PLATFORMS.map(
        (platform) => html`<button key=${platform} type="button" class="secondary" data-testid="link-${platform}"
          onClick=${() => start(platform)}>
          <${ChannelIcon} channel=${platform} />${t("channels.link", { channel: channelName(platform) })}
        </button>`,
      )}
    </footer>
  <//>`;
}

function Linked({ channel, onUnlink }) {
  const name = channelName(channel.platform);
  return html`<li class="row static" data-testid="linked-channel">
    <${ChannelIcon} channel=${channel.platform} />
    <span class="row-main">
      <span class="row-title">${name}</span><span class="row-text">${channel.external_id}</span>
    </span>
    <${IconButton} icon="trash" label=${t("channels.unlink", { channel: name })} class="small danger" onClick=${onUnlink} />
  </li>`;
}

function Code({ link }) {
  const { platform, code, instructions, expires_at: expiresAt } = link;
  const hint = t(`channels.codeHint.${platform === "telegram" ? "telegram" : "other"}`, { code });
  return html`<section class="code-card" role="status">
    <h3>${t("channels.code")}</h3>
    <output data-testid="link-code">${code}</output>
    <p>${instructions || hint}</p>
    <p class="hint">${t("channels.expires", { time: timeOf(expiresAt) })}</p>
    <button type="button" class="link" onClick=${() => copyText(code)}>${t("action.copyCode")}</button>
  </section>`;
}

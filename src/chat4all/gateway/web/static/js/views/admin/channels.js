/** What each channel brought in and took in the last hour. */

import { ChannelIcon } from "../../icons.js";
import { channelName, numberOf, t } from "../../i18n.js";
import { html } from "../../preact.js";
import { Card } from "./card.js";
import { Stack } from "./chart.js";

const KINDS = ["received", "sent", "delivered", "read", "failed"];

export function Channels({ channels, stores }) {
  if (!stores) return null;
  const counts = (channel) => KINDS.map((kind) => ({ kind, count: channel[kind] })).filter(({ count }) => count);
  const sum = (channel) => KINDS.reduce((total, kind) => total + channel[kind], 0);
  const whole = Math.max(1, ...channels.map(sum));
  return html`<${Card} name="channels" title=${t("admin.channels")} hint=${t("admin.channelsHint")}>
    ${channels.length ? null : html`<p class="hint">${t("admin.nothingYet")}</p>`}
    <ul class="lines">
      ${channels.map((channel) => {
        const told = counts(channel).map(({ kind, count }) => `${t(`admin.kind.${kind}`)} ${numberOf(count)}`).join(", ");
        return html`<li key=${channel.channel} data-testid="admin-channel" data-channel=${channel.channel}>
          <p><${ChannelIcon} channel=${channel.channel} /><b>${channelName(channel.channel)}</b></p>
          <${Stack} label="${channelName(channel.channel)}: ${told}" whole=${whole} parts=${counts(channel)} />
          <small>${told}</small>
        </li>`;
      })}
    </ul>
  <//>`;
}

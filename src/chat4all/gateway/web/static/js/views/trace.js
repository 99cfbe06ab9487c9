/** The way of one message, hop by hop, in words for people who help others. */

import * as api from "../api.js";
import { ChannelIcon, Icon, Tick } from "../icons.js";
import { channelName, durationOf, errorText, exactTimeOf, fullTimeOf, reasonText, t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { PageBar } from "./page.js";
import { usePolling } from "./polling.js";

const MOST_NAMES = 50;
const EVERY_MS = 5_000;
const LEAST_SECONDS = 0.001; // shorter ones are one moment
const OUTCOMES = ["routed", "rerouted", "tried", "failed", "sent", "delivered", "read"];
const FAR = ["failed", "sent", "delivered", "read"];

export function TracePage() {
  const [messageId, setMessageId] = useState(addressed());
  useEffect(() => {
    const listen = () => setMessageId(addressed());
    window.addEventListener("hashchange", listen);
    return () => window.removeEventListener("hashchange", listen);
  }, []);
  return html`<div class="page">
    <${PageBar} title=${t("trace.title")} />
    <main class="page-column">
      <${Asking} key=${messageId} messageId=${messageId} />
      ${messageId ? html`<${Trace} key=${messageId} messageId=${messageId} />` : html`<p class="quiet">${t("trace.intro")}</p>`}
    </main>
  </div>`;
}

const addressed = () => decodeURIComponent(location.hash.slice(1)).trim();

function Asking({ messageId }) {
  const onSubmit = (event) => {
    event.preventDefault();
    location.hash = encodeURIComponent(event.currentTarget.elements.message.value.trim());
  };
  return html`<form class="inline-form" role="search" onSubmit=${onSubmit}>
    <input name="message" data-testid="trace-id" aria-label=${t("trace.id")} placeholder=${t("trace.id")} defaultValue=${messageId}
      autocomplete="off" spellcheck=${false} required />
    <button class="secondary" data-testid="trace-show">${t("trace.show")}</button>
  </form>`;
}

function Trace({ messageId }) {
  const { value: found, error } = usePolling(() => api.messageTrace(messageId), [messageId], EVERY_MS);
  const names = useNames(found?.hops ?? []);
  if (error && !found) return html`<p class="form-error" role="alert" data-testid="trace-error">${errorText(error)}</p>`;
  if (!found) return html`<p class="quiet" role="status">${t("app.loading")}</p>`;
  return html`
    ${error ? html`<p class="form-error" role="alert">${errorText(error)}</p>` : null}
    <${Outcomes} hops=${found.hops} names=${names} />
    <section aria-labelledby="way">
      <h2 id="way">${t("trace.way")}</h2>
      <ol class="way" data-testid="trace">
        ${found.hops.map((hop, index) => html`<${Hop} key=${index} hop=${hop} seq=${found.seq} name=${names(hop.user_id)} />`)}
      </ol>
    </section>`;
}

/** How far it is with each recipient: the hop that got furthest. */
function Outcomes({ hops, names }) {
  const furthest = new Map();
  for (const hop of hops) {
    if (!hop.user_id || !OUTCOMES.includes(hop.what)) continue;
    const before = furthest.get(hop.user_id);
    if (!before || FAR.indexOf(hop.what) >= FAR.indexOf(before.what) || hop.what === "rerouted") furthest.set(hop.user_id, hop);
  }
  if (!furthest.size) return html`<p class="form-note" data-testid="trace-nobody">${t("trace.nobody")}</p>`;
  return html`<section aria-labelledby="outcome">
    <h2 id="outcome">${t("trace.outcome")}</h2>
    <ul class="outcomes">
      ${[...furthest.values()].map((hop) => {
        const status = FAR.includes(hop.what) ? hop.what : "accepted";
        return html`<li key=${hop.user_id} class="outcome outcome-${status}" data-testid="trace-outcome" data-status=${status}>
          <${Tick} status=${status} />
          <b>${names(hop.user_id)}</b>
          <span>${t(status === "accepted" ? "trace.underway" : `status.${status}`)}</span>
          <${ChannelIcon} channel=${hop.channel} />
        </li>`;
      })}
    </ul>
  </section>`;
}

const MARKS = {
  logged: "archive",
  stored: "check",
  routed: "right",
  rerouted: "again",
  tried: "alert",
  edited: "edit",
  deleted: "trash",
  hidden: "trash",
  reacted: "smile",
  unreacted: "smile",
  authored: "link",
};
const TICKS = ["accepted", "sent", "delivered", "read", "failed"];

function Hop({ hop, seq, name }) {
  const took = hop.after_seconds >= LEAST_SECONDS ? durationOf(hop.after_seconds) : null;
  return html`<li class="hop hop-${hop.what}" data-testid="trace-hop" data-what=${hop.what} data-channel=${hop.channel}>
    <span class="hop-mark">${TICKS.includes(hop.what) ? html`<${Tick} status=${hop.what} />` : html`<${Icon} name=${MARKS[hop.what] ?? "info"} />`}</span>
    <div class="hop-words">
      <p>${sentence(hop, seq, name)}</p>
      ${more(hop).map((text) => html`<small key=${text} dir="auto">${text}</small>`)}
    </div>
    <div class="hop-time">
      <time datetime=${hop.at} title=${fullTimeOf(hop.at)}>${exactTimeOf(hop.at)}</time>
      ${took ? html`<span title=${t("trace.tookHint")}>${t("trace.took", { time: took })}</span>` : null}
    </div>
  </li>`;
}

function sentence(hop, seq, name) {
  const channel = hop.channel ? channelName(hop.channel) : "";
  const about = { name, channel, seq, emoji: hop.note };
  if (hop.what === "accepted" && hop.channel === "import") return t("trace.imported", about);
  if (hop.what === "accepted" && hop.channel !== "app") return t("trace.arrived", about);
  if (hop.what === "delivered" && hop.channel === "app") return t("trace.deliveredApp", about);
  if (hop.what === "routed") return t("trace.routed", { ...about, why: t(`trace.why.${hop.why}`) });
  if (hop.what === "rerouted") {
    const { channel: other, reason } = hop.instead_of;
    return t("trace.rerouted", { ...about, other: channelName(other), reason: reasonText(reason) });
  }
  if (hop.what === "failed") return t("trace.failed", { ...about, reason: reasonText(hop.error?.code, hop.error?.text) });
  return t(`trace.${hop.what}`, about);
}

/** What is known besides, one line each: the platform's own words among it. */
function more(hop) {
  const lines = [];
  if (hop.channels?.length) lines.push(t("trace.wanted", { channels: hop.channels.map(channelName).join(" → ") }));
  if (hop.error) lines.push(t("trace.answer", { answer: answerOf(hop.error) }));
  if (["sent", "delivered", "failed"].includes(hop.what) && hop.note && hop.channel !== "app") lines.push(hop.note);
  if (hop.what === "sent" && hop.address) lines.push(t("trace.address", { address: hop.address }));
  if (hop.what === "sent" && hop.external_id) lines.push(t("trace.externalId", { id: hop.external_id }));
  return lines;
}

function answerOf({ code, text, platform_error: platform }) {
  const said = platform ? ` ${JSON.stringify(platform)}` : "";
  return `${text || code}${said}`;
}

/** The names of those whom the hops name; somebody whom the reader may not know stays somebody. */
function useNames(hops) {
  const [names, setNames] = useState({});
  const wanted = [...new Set(hops.map((hop) => hop.user_id).filter(Boolean))].slice(0, MOST_NAMES);
  useEffect(() => {
    for (const userId of wanted.filter((one) => !(one in names))) {
      api.user(userId).then(
        (user) => setNames((known) => ({ ...known, [userId]: user.display_name || user.username })),
        () => setNames((known) => ({ ...known, [userId]: null })),
      );
    }
  }, [wanted.join()]);
  return (userId) => names[userId] || (userId ? t("trace.somebody", { id: userId.slice(-4) }) : "");
}

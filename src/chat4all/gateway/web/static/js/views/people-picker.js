/** Find people by name: contacts at once, other users as one types. */

import { findPeople, orTell } from "../actions.js";
import { ChannelIcon, Icon } from "../icons.js";
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { Avatar, moveFocus } from "./parts.js";

const WAIT_MS = 200;

/**
 * @param {object} props
 * @param {(user: object) => void} props.onPick
 * @param {Set<string>} [props.chosen] ids that are picked already; then a row is a toggle
 * @param {Set<string>} [props.without] ids not to offer
 */
export function PeoplePicker({ onPick, chosen, without, label, testid }) {
  const [query, setQuery] = useState("");
  const [people, setPeople] = useState(null);
  useEffect(() => {
    let isCurrent = true;
    const find = async () => {
      const found = await orTell(() => findPeople(query.trim()));
      if (isCurrent) setPeople(found ?? []);
    };
    const timer = setTimeout(find, query ? WAIT_MS : 0);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [query]);
  const offered = people?.filter((user) => !without?.has(user.id));
  return html`<div class="picker">
    <div class="search">
      <${Icon} name="search" />
      <input type="search" aria-label=${label} placeholder=${label} autocomplete="off" data-testid="${testid}-search"
        value=${query} onInput=${(event) => setQuery(event.currentTarget.value)} />
    </div>
    ${offered?.length === 0
      ? html`<p class="quiet">${query ? t("chat.nobody") : t("chat.findHint")}</p>`
      : html`<ul class="rows" onKeyDown=${(event) => moveFocus(event, "[data-row]")}>
          ${offered?.map((user) => html`<li key=${user.id}><${PersonRow} user=${user} chosen=${chosen} testid=${testid} onPick=${onPick} /></li>`)}
        </ul>`}
  </div>`;
}

function PersonRow({ user, chosen, testid, onPick }) {
  const name = user.display_name || user.username;
  const isChosen = chosen?.has(user.id);
  const platforms = (user.channels ?? []).map((item) => item.platform ?? item);
  return html`<button type="button" class="row" data-row data-testid="${testid}-result" data-user-id=${user.id}
    aria-pressed=${chosen ? String(isChosen) : null} onClick=${() => onPick(user)}>
    <${Avatar} id=${user.id} name=${name} />
    <span class="row-main">
      <span class="row-title">${name}</span>
      <span class="row-text">
        ${platforms.map((platform) => html`<${ChannelIcon} key=${platform} channel=${platform} />`)}
        ${user.username ? `@${user.username}` : ""}
      </span>
    </span>
    ${isChosen ? html`<span class="chosen"><${Icon} name="check" /></span>` : null}
  </button>`;
}

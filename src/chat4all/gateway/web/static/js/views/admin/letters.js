/** What could not be done, to be tried again: one, some, or all that are shown. */

import * as api from "../../api.js";
import { agoOf, fullTimeOf, reasonText, t, tn } from "../../i18n.js";
import { html, useState } from "../../preact.js";
import { FormError, useSubmit } from "../parts.js";
import { usePolling } from "../polling.js";
import { Card, State } from "./card.js";

const EVERY_MS = 5_000;

export function Letters() {
  const { value, again } = usePolling(api.openLetters, [], EVERY_MS);
  const [chosen, setChosen] = useState(new Set());
  const [told, setTold] = useState("");
  const { error, isBusy, submit } = useSubmit();
  const letters = value?.items ?? [];
  const ids = letters.map((letter) => letter.id).filter((id) => chosen.has(id));
  const redrive = (which) =>
    submit(async () => {
      const { items } = await api.redrive(which);
      const refused = items.filter((item) => item.result === "refused");
      setTold([tn("admin.redriven", items.length - refused.length), ...refused.map((item) => item.detail)].join(" "));
      setChosen(new Set());
      again();
    });
  const choose = (id, isChosen) => {
    const next = new Set(chosen);
    if (isChosen) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  return html`<${Card} name="letters" wide title=${t("admin.letters")} value=${value ? count(letters, value.next) : "–"}
    hint=${t("admin.lettersHint")}>
    <p class="hint" role="status" data-testid="admin-redriven">${told}</p>
    <${FormError} error=${error} />
    ${letters.length
      ? html`<div class="letters-bar">
            <label class="letters-all"><input type="checkbox" data-testid="admin-letters-all" checked=${ids.length === letters.length}
              onChange=${(event) => setChosen(new Set(event.currentTarget.checked ? letters.map((letter) => letter.id) : []))} />
              ${t("admin.all")}</label>
            <button type="button" class="primary" data-testid="admin-redrive" disabled=${isBusy || !ids.length} onClick=${redrive(ids)}>
              ${ids.length ? tn("admin.redriveMany", ids.length) : t("admin.redrive")}
            </button>
          </div>
          <ul class="letters">
            ${letters.map(
              (letter) => html`<${Letter} key=${letter.id} letter=${letter} isChosen=${chosen.has(letter.id)} isBusy=${isBusy}
                onChoose=${(isChosen) => choose(letter.id, isChosen)} onRedrive=${redrive([letter.id])} />`,
            )}
          </ul>`
      : value
        ? html`<p><${State} how="good">${t("admin.noLetters")}<//></p>`
        : null}
  <//>`;
}

const count = (letters, next) => `${letters.length}${next ? "+" : ""}`;

function Letter({ letter, isChosen, isBusy, onChoose, onRedrive }) {
  const title = reasonText(letter.code);
  return html`<li data-testid="admin-letter" data-id=${letter.id}>
    <input type="checkbox" aria-label=${t("admin.choose", { reason: title })} checked=${isChosen}
      onChange=${(event) => onChoose(event.currentTarget.checked)} />
    <div class="letter-words">
      <p><b>${title}</b> <span class="tag">${letter.stream.replace("outbound.", "")}</span></p>
      <small dir="auto">${letter.reason}</small>
      <small><time datetime=${letter.parked_at} title=${fullTimeOf(letter.parked_at)}>${agoOf(letter.parked_at)}</time>
        ${" · "}${tn("admin.attempts", letter.attempts)}
        ${letter.message_id ? html`${" · "}<a href="trace#${letter.message_id}" target="_blank" rel="noopener">${t("trace.title")}</a>` : null}
      </small>
    </div>
    <button type="button" class="secondary" data-testid="admin-redrive-one" disabled=${isBusy} onClick=${onRedrive}>${t("admin.redrive")}</button>
  </li>`;
}

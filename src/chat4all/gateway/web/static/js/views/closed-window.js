/** In place of the composer while a platform takes no free text: the choice of approved messages. */

import { sendTemplate } from "../actions.js";
import { Icon } from "../icons.js";
import { channelName, t } from "../i18n.js";
import { titleOf } from "../people.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { store } from "../store.js";
import { filled } from "../text.js";
import { Field, Text } from "./parts.js";

/** @param {{conversationId: string, closed: {channels: string[], templates: object[]}}} props */
export function ClosedWindow({ conversationId, closed }) {
  const [chosen, setChosen] = useState(null);
  const state = store.get();
  const name = titleOf(state, state.conversations[conversationId]);
  const channel = closed.channels.map(channelName).join(", ");
  const send = (words) => {
    sendTemplate(conversationId, chosen, words);
    setChosen(null);
  };
  return html`<section class="closed-window" data-testid="closed-window" aria-label=${t("window.label")}>
    <p class="closed-why"><${Icon} name="clock" /><span>${t("window.closed", { name, channel })}</span></p>
    ${chosen
      ? html`<${Filling} template=${chosen} onSend=${send} onBack=${() => setChosen(null)} />`
      : html`<${Choice} templates=${closed.templates} onChoose=${setChosen} />`}
  </section>`;
}

function Choice({ templates, onChoose }) {
  if (!templates.length) return html`<p class="hint">${t("window.none")}</p>`;
  return html`<ul class="templates">
    ${templates.map(
      (template) => html`<li key=${`${template.name} ${template.language}`}>
        <button type="button" class="template" data-testid="template" onClick=${() => onChoose(template)}>
          <span class="template-name">${template.name.replaceAll("_", " ")}<small>${template.language}</small></span>
          <span class="template-text" dir="auto">${filled(template, shownPlaces(template))}</span>
        </button>
      </li>`,
    )}
  </ul>`;
}

function Filling({ template, onSend, onBack }) {
  const [words, setWords] = useState(template.places.map(() => ""));
  const form = useRef(null);
  useEffect(() => form.current.querySelector("input, .primary").focus(), []);
  const submit = (event) => {
    event.preventDefault();
    onSend(words.map((word) => word.trim()));
  };
  const write = (place) => (event) => setWords(words.map((word, at) => (at === place ? event.currentTarget.value : word)));
  const isReady = words.every((word) => word.trim());
  return html`<form class="template-form" ref=${form} onSubmit=${submit} data-testid="template-form">
    <div class="template-preview" data-testid="template-preview" aria-live="polite">
      <${Text} text=${filled(template, words.map((word, at) => word || shownPlaces(template)[at]))} />
    </div>
    ${template.places.length
      ? html`<div class="template-places">
          ${template.places.map(
            (place, at) => html`<${Field} key=${at} id="template-place-${at}" label=${labelOf(place)} value=${words[at]}
              placeholder=${place.example ? t("window.example", { example: place.example }) : ""} maxlength="1024"
              data-testid="template-place" autocomplete="off" required onInput=${write(at)} />`,
          )}
        </div>`
      : null}
    <footer>
      <button type="button" class="secondary" onClick=${onBack}>${t("window.back")}</button>
      <button class="primary" data-testid="template-send" disabled=${!isReady}><${Icon} name="send" />${t("compose.send")}</button>
    </footer>
  </form>`;
}

const labelOf = ({ name }) => (/^\d+$/.test(name) ? t("window.place", { number: name }) : name.replaceAll("_", " "));

const shownPlaces = ({ places }) => places.map((place) => `‹${place.example ?? labelOf(place)}›`);

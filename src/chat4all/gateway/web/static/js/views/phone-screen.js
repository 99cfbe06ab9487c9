/** One simulated phone: its screen, and the switches of its network. */

import * as api from "../api.js";
import { typeOf } from "../files/kinds.js";
import { Icon, Tick } from "../icons.js";
import { errorText, sizeOf, t, timeOf } from "../i18n.js";
import { html, useLayoutEffect, useRef, useState } from "../preact.js";
import { snippetOf } from "../text.js";
import { Avatar, IconButton, Text } from "./parts.js";
import { PhoneFile } from "./phone-file.js";
import { usePolling } from "./polling.js";

const NEAR = 80; // pixels from the end that count as being there
const LARGEST_BYTES = 16 * 1024 ** 2;
const OFF = { online: true, fail: null, messages: [] };
const isMissing = (error) => error?.status === 404;

export function PhoneScreen({ externalId, name }) {
  const { value, error, again, put } = usePolling(() => api.phoneScreen(externalId), [externalId]);
  const [problem, setProblem] = useState(null);
  const [replyTo, setReplyTo] = useState(null);
  const [chosen, setChosen] = useState(null); // what a switch was set to, until the phone has taken it
  const screen = { ...(value ?? OFF), ...chosen };
  const act = async (work) => {
    try {
      setProblem(null);
      await work();
      again();
    } catch (failure) {
      setProblem(failure);
    }
  };
  const shown = problem ?? (isMissing(error) ? null : error); // a phone nobody has written to is not known yet
  const change = (changes) =>
    act(async () => {
      setChosen(changes);
      try {
        put(await api.changePhone(externalId, changes));
      } finally {
        setChosen(null);
      }
    });
  const write = (text) =>
    act(async () => {
      await api.phoneWrites(externalId, text, replyTo?.external_id);
      setReplyTo(null);
    });
  const send = (file) =>
    act(async () => {
      if (file.size > LARGEST_BYTES) throw new Error(t("phone.tooLarge", { size: sizeOf(LARGEST_BYTES) }));
      const about = { name: file.name || "file", mime_type: typeOf(file), reply_to: replyTo?.external_id };
      await api.phoneSendsFile(externalId, file, about);
      setReplyTo(null);
    });
  return html`<div class="phone-desk">
    <${Switches} screen=${screen} onChange=${change}
      onRead=${() => act(() => api.phoneReads(externalId))} />
    <section class="phone ${screen.online ? "" : "off"}" aria-label=${name} data-testid="phone-screen">
      <header class="phone-top">
        <${Avatar} id=${externalId} name=${name} />
        <div><h2>${name}</h2><p>${externalId}</p></div>
      </header>
      <${Messages} messages=${screen.messages} name=${name} onReply=${setReplyTo} externalId=${externalId} />
      ${shown ? html`<p class="form-error" role="alert">${errorText(shown)}</p>` : null}
      <${PhoneComposer} name=${name} replyTo=${replyTo} onCancel=${() => setReplyTo(null)} onWrite=${write}
        onFile=${send} />
    </section>
  </div>`;
}

function Switches({ screen, onChange, onRead }) {
  return html`<div class="phone-switches">
    <label class="switch">
      <input type="checkbox" role="switch" data-testid="phone-online" checked=${screen.online}
        onChange=${(event) => onChange({ online: event.currentTarget.checked })} />
      <span>${t("phone.online")}</span>
    </label>
    <label class="field-line">
      <span>${t("phone.fail")}</span>
      <select data-testid="phone-fail" value=${screen.fail ?? ""}
        onChange=${(event) => onChange({ fail: event.currentTarget.value || null })}>
        <option value="">${t("phone.failNone")}</option>
        <option value="temporary">${t("phone.failTemporary")}</option>
        <option value="permanent">${t("phone.failPermanent")}</option>
      </select>
    </label>
    <button type="button" class="secondary" data-testid="phone-read" onClick=${onRead}>
      <${Icon} name="check" />${t("phone.read")}
    </button>
  </div>`;
}

function Messages({ messages, name, onReply, externalId }) {
  const list = useRef(null);
  const place = useRef({ isAtEnd: true, scrollTop: 0 });
  const stay = () => {
    if (place.current.isAtEnd) list.current.scrollTop = list.current.scrollHeight; // a reaction makes it longer, too
  };
  useLayoutEffect(stay, [messages]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = list.current;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR;
    // A picture that has just become taller takes nobody from the end: only scrolling up does.
    const stays = place.current.isAtEnd && scrollTop >= place.current.scrollTop;
    place.current = { isAtEnd: isNear || stays, scrollTop };
  };
  return html`<ol ref=${list} class="phone-messages" data-testid="phone-message-list" aria-live="polite"
    aria-label=${t("phone.messages", { name })} onScroll=${onScroll} onLoadCapture=${stay}>
    ${messages.length ? null : html`<li class="quiet">${t("phone.empty")}</li>`}
    ${messages.map((message) => {
      const original = message.reply_to && messages.find((item) => item.external_id === message.reply_to);
      return html`<${PhoneMessage} key=${message.external_id} message=${message} original=${original} onReply=${onReply}
        externalId=${externalId} />`;
    })}
  </ol>`;
}

/** Seen from the phone: "in" is what it received, "out" is what its owner wrote. */
function PhoneMessage({ message, original, onReply, externalId }) {
  const isOwn = message.direction === "out";
  const isDeleted = Boolean(message.deleted);
  const text = message.file ? message.payload?.caption : message.text || snippetOf(message);
  return html`<li class="message ${isOwn ? "own" : "other"} ${isDeleted ? "is-deleted" : ""}" data-testid="phone-message"
    data-direction=${message.direction} data-external-id=${message.external_id} data-status=${message.status}>
    <div class="bubble-line">
      <div class="bubble">
        ${message.from_name && !isOwn ? html`<p class="author">${message.from_name}</p>` : null}
        ${original ? html`<p class="quote"><span>${original.text}</span></p>` : null}
        ${isDeleted ? html`<p class="deleted-text">${t("message.deleted")}</p>` : null}
        ${!isDeleted && message.file ? html`<${PhoneFile} externalId=${externalId} message=${message} />` : null}
        ${!isDeleted && text ? html`<${Text} text=${text} />` : null}
        <p class="meta">
          ${message.edited ? html`<span>${t("message.edited")}</span>` : null}
          ${message.at ? html`<time datetime=${message.at}>${timeOf(message.at)}</time>` : null}
          ${!isOwn && message.status === "read" ? html`<span role="img" aria-label=${t("status.read")}><${Tick} status="read" /></span>` : null}
        </p>
      </div>
      ${isDeleted
        ? null
        : html`<div class="actions"><${IconButton} icon="reply" label=${t("action.reply")} class="small"
            data-testid="phone-reply" onClick=${() => onReply(message)} /></div>`}
    </div>
    ${message.reactions?.length
      ? html`<div class="reactions">${message.reactions.map((item) => {
          const emoji = item.emoji ?? item;
          return html`<span key=${emoji} class="reaction">${emoji}</span>`;
        })}</div>`
      : null}
  </li>`;
}

function PhoneComposer({ name, replyTo, onCancel, onWrite, onFile }) {
  const [text, setText] = useState("");
  const input = useRef(null);
  const chooser = useRef(null);
  const onChoose = () => {
    for (const file of chooser.current.files) onFile(file);
    chooser.current.value = ""; // the same file may be chosen again
  };
  useLayoutEffect(() => {
    if (replyTo) input.current.focus();
  }, [replyTo]);
  const label = t("phone.write", { name });
  const onSubmit = (event) => {
    event.preventDefault();
    if (!text.trim()) return;
    onWrite(text.trim());
    setText("");
  };
  return html`<form class="composer" onSubmit=${onSubmit}>
    ${replyTo
      ? html`<div class="composer-context"><${Icon} name="reply" /><p><span>${replyTo.text}</span></p>
          <${IconButton} icon="close" label=${t("action.cancel")} class="small" onClick=${onCancel} /></div>`
      : null}
    <div class="composer-line">
      <${IconButton} icon="clip" label=${t("attach.choose")} class="attach" data-testid="phone-attach"
        onClick=${() => chooser.current.click()} />
      <input ref=${chooser} type="file" hidden tabindex="-1" data-testid="phone-attach-input" onChange=${onChoose} />
      <input ref=${input} class="phone-input" data-testid="phone-input" aria-label=${label} placeholder=${label} value=${text}
        maxlength="4096" autocomplete="off" onInput=${(event) => setText(event.currentTarget.value)}
        onKeyDown=${(event) => event.key === "Escape" && onCancel()} />
      <button class="send" data-testid="phone-send" aria-label=${t("compose.send")} disabled=${!text.trim()}>
        <${Icon} name="send" />
      </button>
    </div>
  </form>`;
}

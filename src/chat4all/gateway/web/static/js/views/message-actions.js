/** What can be done with a message: react, reply, and a menu with the rest. */

import { copyText, openDialog, orTell, replyTo, startEdit, toggleReaction } from "../actions.js";
import { download } from "../files/content.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { html, useRef, useState } from "../preact.js";
import { store } from "../store.js";
import { Menu, MenuItem, Popup } from "./menu.js";
import { IconButton } from "./parts.js";

const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
const MORE = [..."😀😅😉😊😍🤔😎🥳😴🤯😡😭👏🙌💪🤝👀✅❌🔥🎉💡⭐🚀☕🍕🌹💔💯🐞"];

export function MessageActions({ message, isOwn }) {
  const { payload } = message;
  const text = payload.text ?? payload.caption;
  const canEdit = isOwn && text !== undefined;
  return html`<div class="actions">
    <${ReactionButton} message=${message} />
    <${IconButton} icon="reply" label=${t("action.reply")} class="small" tabindex="-1" data-testid="reply"
      onClick=${() => replyTo(message)} />
    <${Menu} label=${t("message.actions")} testid="message-menu" class="icon-button small" button=${html`<${Icon} name="more" />`}
      align=${isOwn ? "end" : "start"}>
      <${MenuItem} icon="reply" testid="menu-reply" onSelect=${() => replyTo(message)}>${t("action.reply")}<//>
      ${canEdit
        ? html`<${MenuItem} icon="edit" testid="menu-edit" onSelect=${() => startEdit(message)}>${t("action.edit")}<//>`
        : null}
      ${text
        ? html`<${MenuItem} icon="copy" testid="menu-copy" onSelect=${() => copyText(text)}>${t("action.copy")}<//>`
        : null}
      ${payload.file_id
        ? html`<${MenuItem} icon="download" testid="menu-download" onSelect=${() => save(payload.file_id)}>
            ${t("message.download")}
          <//>`
        : null}
      <${MenuItem} icon="info" testid="menu-details" onSelect=${() => openDialog("status", { message })}>
        ${t("action.details")}
      <//>
      <hr />
      <${MenuItem} icon="trash" testid="menu-delete-me" danger onSelect=${() => openDialog("delete", { message, whom: "me" })}>
        ${t("action.deleteForMe")}
      <//>
      ${isOwn
        ? html`<${MenuItem} icon="trash" testid="menu-delete-everyone" danger
            onSelect=${() => openDialog("delete", { message, whom: "everyone" })}>${t("action.deleteForEveryone")}<//>`
        : null}
    <//>
  </div>`;
}

const save = (fileId) => orTell(() => download(fileId, store.get().files[fileId]?.name ?? ""));

function ReactionButton({ message }) {
  const [isOpen, setOpen] = useState(false);
  const anchor = useRef(null);
  const close = (refocus = true) => {
    setOpen(false);
    if (refocus) anchor.current?.focus();
  };
  return html`<span class="menu-anchor">
    <button ref=${anchor} type="button" class="icon-button small" tabindex="-1" aria-label=${t("action.react")}
      title=${t("action.react")} aria-haspopup="dialog" aria-expanded=${String(isOpen)} data-testid="react"
      onClick=${() => setOpen(!isOpen)}><${Icon} name="smile" /></button>
    ${isOpen
      ? html`<${Popup} anchor=${anchor} align="end" role="dialog" label=${t("action.react")} onClose=${close}>
          <${EmojiPicker} onPick=${(emoji) => toggleReaction(message, emoji)} onClose=${close} />
        <//>`
      : null}
  </span>`;
}

function EmojiPicker({ onPick, onClose }) {
  const [showsMore, setShowsMore] = useState(false);
  const choice = (emoji) =>
    html`<button key=${emoji} type="button" class="emoji" data-item data-testid="emoji" data-emoji=${emoji}
      aria-label=${t("reaction.with", { emoji })} onClick=${() => onPick(emoji)}>${emoji}</button>`;
  const onSubmit = (event) => {
    event.preventDefault();
    const [first] = new Intl.Segmenter().segment(event.currentTarget.elements.emoji.value.trim());
    if (first) onPick(first.segment);
    onClose();
  };
  return html`<div class="emoji-picker">
    <div class="emoji-row">
      ${QUICK.map(choice)}
      <${IconButton} icon="plus" label=${t("reaction.more")} class="small" data-testid="emoji-more"
        aria-expanded=${String(showsMore)} onClick=${() => setShowsMore(!showsMore)} />
    </div>
    ${showsMore
      ? html`<div class="emoji-grid">${MORE.map(choice)}</div>
          <form class="inline-form" onSubmit=${onSubmit}>
            <input name="emoji" maxlength="16" autocomplete="off" data-testid="emoji-any" aria-label=${t("reaction.any")}
              placeholder=${t("reaction.any")} />
            <button class="secondary">${t("action.react")}</button>
          </form>`
      : null}
  </div>`;
}

/** The pictures and videos of a conversation, one at a time, on the whole screen. */

import { closeDialog, loadMore, orTell } from "../actions.js";
import { download, useLink, useThumbnail } from "../files/content.js";
import { useFile } from "../files/known.js";
import { fullTimeOf, t } from "../i18n.js";
import { nameOf } from "../people.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../preact.js";
import { store, useSelect } from "../store.js";
import { useModal } from "./dialog.js";
import { IconButton } from "./parts.js";

const isPicture = ({ payload, deleted_at: deletedAt }) => !deletedAt && ["image", "video"].includes(payload?.type);

export function Viewer({ conversationId, messageId }) {
  const dialog = useRef(null);
  const { messages = [], hasOlder } = useSelect((state) => state.threads[conversationId]) ?? {};
  const [shownId, setShownId] = useState(messageId);
  const [isZoomed, setZoomed] = useState(false);
  const stage = useRef(null);
  useModal(dialog);
  useLayoutEffect(() => {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = stage.current ?? {};
    stage.current?.scrollTo((scrollWidth - clientWidth) / 2, (scrollHeight - clientHeight) / 2);
  }, [isZoomed]);
  const items = messages.filter(isPicture);
  const index = items.findIndex((item) => item.message_id === shownId);
  const message = items[index];
  const file = useFile(message?.payload.file_id);
  useEffect(() => {
    if (!message) closeDialog(); // it was deleted meanwhile
  }, [Boolean(message)]);
  if (!message) return html`<dialog ref=${dialog}></dialog>`;

  const show = async (step) => {
    if (index + step < 0 && store.get().threads[conversationId].hasOlder) await loadMore(conversationId, "older");
    const now = store.get().threads[conversationId].messages.filter(isPicture);
    const next = now[now.findIndex((item) => item.message_id === shownId) + step];
    if (!next) return;
    setShownId(next.message_id);
    setZoomed(false);
  };
  const save = () => orTell(() => download(file.id, file.name));
  const onKeyDown = (event) => onViewerKey(event, { show, zoom: setZoomed, isVideo: message.payload.type === "video" });
  const onCancel = (event) => {
    event.preventDefault();
    closeDialog();
  };
  const name = nameOf(store.get(), message.from);
  return html`<dialog ref=${dialog} class="viewer" aria-label=${t("viewer.title")} data-testid="viewer"
    onKeyDown=${onKeyDown} onCancel=${onCancel}>
    <header>
      <p><b>${name}</b><span>${fullTimeOf(message.created_at)}</span></p>
      <span class="viewer-count" role="status" aria-label=${t("viewer.count", { number: index + 1, count: items.length })}
        data-testid="viewer-count">${index + 1} / ${items.length}</span>
      ${message.payload.type === "image"
        ? html`<${IconButton} icon=${isZoomed ? "zoomOut" : "zoomIn"} label=${t(isZoomed ? "viewer.zoomOut" : "viewer.zoomIn")}
            data-testid="viewer-zoom" onClick=${() => setZoomed(!isZoomed)} />`
        : null}
      <${IconButton} icon="download" label=${t("message.download")} data-testid="viewer-download" onClick=${save} />
      <${IconButton} icon="close" label=${t("action.close")} data-testid="viewer-close" data-autofocus onClick=${closeDialog} />
    </header>
    <${Step} icon="left" label=${t("viewer.previous")} isOff=${index === 0 && !hasOlder} onClick=${() => show(-1)} />
    <div ref=${stage} class="viewer-stage" ...${swipes(isZoomed ? null : show)}
      onClick=${(event) => event.target === event.currentTarget && closeDialog()}>
      <${Shown} key=${shownId} message=${message} file=${file} isZoomed=${isZoomed} onZoom=${() => setZoomed(!isZoomed)} />
    </div>
    <${Step} icon="right" label=${t("viewer.next")} isOff=${index === items.length - 1} onClick=${() => show(1)} />
    ${message.payload.caption ? html`<p class="viewer-caption" dir="auto">${message.payload.caption}</p>` : null}
  </dialog>`;
}

/** Stays in place at an end, so that the focus does not fall out of the row of buttons. */
function Step({ icon, label, isOff, onClick }) {
  return html`<${IconButton} icon=${icon} label=${label} class="viewer-${icon}" aria-disabled=${String(isOff)}
    data-testid="viewer-${icon}" onClick=${onClick} />`;
}

function onViewerKey(event, { show, zoom, isVideo }) {
  if (isVideo && event.target.matches("video")) return; // there the arrows move in time
  const act = {
    ArrowLeft: () => show(-1),
    ArrowRight: () => show(1),
    "+": () => zoom(true),
    "=": () => zoom(true),
    "-": () => zoom(false),
  }[event.key];
  if (!act || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  act();
}

const SWIPE = 60; // pixels
let touchedAt = null;

/** A finger that moves aside turns to the next or the one before. */
function swipes(show) {
  return {
    onTouchStart: ({ touches }) => (touchedAt = touches.length === 1 ? touches[0].clientX : null),
    onTouchEnd: ({ changedTouches }) => {
      const moved = touchedAt === null ? 0 : changedTouches[0].clientX - touchedAt;
      touchedAt = null;
      if (Math.abs(moved) > SWIPE) show?.(moved > 0 ? -1 : 1);
    },
  };
}

/** The small picture at once, the whole one over it as soon as it has come. */
function Shown({ message, file, isZoomed, onZoom }) {
  const isVideo = message.payload.type === "video";
  const small = useThumbnail(!isVideo || file?.has_thumbnail ? file : null);
  const link = useLink(file?.state === "ready" ? file.id : null);
  const [isLoaded, setLoaded] = useState(false);
  if (isVideo) {
    return html`<video class="viewer-media" controls autoplay playsinline src=${link} poster=${small} data-testid="viewer-video"></video>`;
  }
  const alt = message.payload.caption || t("message.image");
  const shape = file?.width ? { "--natural-width": `${file.width}px`, "--natural-height": `${file.height}px` } : {};
  return html`<div class="viewer-picture ${isZoomed ? "zoomed" : ""}" style=${shape} onDblClick=${onZoom}>
    ${small && !isLoaded ? html`<img class="viewer-media blurred" src=${small} alt="" />` : null}
    ${link
      ? html`<img class="viewer-media" src=${link} alt=${alt} data-testid="viewer-image" data-loaded=${String(isLoaded)}
          onLoad=${() => setLoaded(true)} />`
      : null}
  </div>`;
}

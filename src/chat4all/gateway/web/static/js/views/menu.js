/** A button with a menu under it, as the ARIA practices describe one. */

import { Icon } from "../icons.js";
import { html, useLayoutEffect, useRef, useState } from "../preact.js";
import { moveFocus } from "./parts.js";

/** @param {{label: string, button: any, children: any, class?: string, align?: "start"|"end", testid?: string}} props */
export function Menu({ label, button, children, class: extra = "", align = "end", testid }) {
  const [isOpen, setOpen] = useState(false);
  const anchor = useRef(null);
  const close = (refocus = true) => {
    setOpen(false);
    if (refocus) anchor.current?.focus();
  };
  const onKeyDown = (event) => {
    if (event.key !== "ArrowDown" || isOpen) return;
    event.preventDefault();
    setOpen(true);
  };
  return html`<span class="menu-anchor">
    <button ref=${anchor} type="button" class=${extra} aria-label=${label} title=${label} aria-haspopup="menu"
      aria-expanded=${String(isOpen)} data-testid=${testid} onClick=${() => setOpen(!isOpen)} onKeyDown=${onKeyDown}>
      ${button}
    </button>
    ${isOpen
      ? html`<${Popup} anchor=${anchor} align=${align} label=${label} role="menu" onClose=${close}>${children}<//>`
      : null}
  </span>`;
}

export function MenuItem({ icon, children, onSelect, testid, danger }) {
  return html`<button type="button" role="menuitem" tabindex="-1" class=${danger ? "menu-item danger" : "menu-item"}
    data-testid=${testid} data-item onClick=${onSelect}>
    <${Icon} name=${icon} />${children}
  </button>`;
}

/**
 * A box beside `anchor`, above everything, that closes on Escape, on a click elsewhere and after a choice. It is placed
 * by script through the CSS object model, which a strict content policy allows.
 */
export function Popup({ anchor, align, label, role, onClose, children }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    place(box.current, anchor.current, align); // before it takes the focus, which would scroll to it
    box.current.querySelector("[data-item], input")?.focus();
    const onOutside = (event) => {
      if (!box.current?.contains(event.target) && !anchor.current?.contains(event.target)) onClose(false);
    };
    const onResize = () => onClose(false);
    document.addEventListener("pointerdown", onOutside);
    window.addEventListener("resize", onResize);
    const growth = new ResizeObserver(() => place(box.current, anchor.current, align));
    growth.observe(box.current);
    return () => {
      growth.disconnect();
      document.removeEventListener("pointerdown", onOutside);
      window.removeEventListener("resize", onResize);
    };
  }, []);
  const onKeyDown = (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      onClose();
    } else if (event.key === "Tab") {
      onClose();
    } else {
      moveFocus(event, "[data-item]");
    }
  };
  const onClick = (event) => event.target.closest("[data-item]") && onClose();
  return html`<div ref=${box} class="popup" role=${role} aria-label=${label} onKeyDown=${onKeyDown} onClick=${onClick}>
    ${children}
  </div>`;
}

const MARGIN = 8;

/** Place it below the anchor, or above when there is more room; keep it inside the window. */
export function place(box, anchor, align) {
  const around = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const start = align === "start" ? around.left : around.right - width;
  const left = Math.max(MARGIN, Math.min(start, window.innerWidth - width - MARGIN));
  const isBelow = around.bottom + height + MARGIN < window.innerHeight || around.top < height;
  const top = isBelow ? around.bottom + 4 : around.top - height - 4;
  box.style.left = `${left}px`;
  box.style.top = `${Math.max(MARGIN, Math.min(top, window.innerHeight - height - MARGIN))}px`;
}

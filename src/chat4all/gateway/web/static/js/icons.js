/** Icons as inline SVG, drawn for this client. They take the colour of the text around them. */

import { channelName, t } from "./i18n.js";
import { html } from "./preact.js";

const PATHS = {
  plus: "M12 5v14M5 12h14",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16.2 16.2 20.5 20.5",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  menu: "M4 7h16M4 12h16M4 17h16",
  send: "M4 12 20 4.5 15.5 20l-4-6.2zM11.5 13.8 20 4.5",
  reply: "M9 7 4 12l5 5M4.5 12H14a6 6 0 0 1 6 6v.5",
  smile: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM8.5 14.2c.8 1.3 2 2 3.5 2s2.7-.7 3.5-2M9 9.6v.3M15 9.6v.3",
  edit: "M4.5 19.5l1-4.2L16.2 4.6l3.2 3.2L8.7 18.5zM14 6.8l3.2 3.2",
  copy: "M9 9h10.5v10.5H9zM6 15H4.5V4.5H15V6",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.3 10.5v6M13.7 10.5v6",
  info: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 11v5.5M12 7.7v.1",
  people: "M9 5a3.2 3.2 0 1 1 0 6.4A3.2 3.2 0 0 1 9 5zM3.5 19c.4-3.2 2.5-5 5.5-5s5.1 1.8 5.5 5M15.5 5.6a3 3 0 0 1 0 5.4M17 14.4c2 .6 3.2 2.2 3.5 4.6",
  person: "M12 4.5a3.7 3.7 0 1 1 0 7.4 3.7 3.7 0 0 1 0-7.4zM5 20c.5-3.8 3.1-5.8 7-5.8s6.5 2 7 5.8",
  chat: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 19 17h-7.5L7 20.5V17H5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 5 5z",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4zM9 14.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4z",
  exit: "M10 4.5H5v15h5M14 8l4.5 4-4.5 4M18 12H9.5",
  down: "M12 5v13M6.5 12.5 12 18l5.5-5.5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM12 7.5V12l3 2",
  alert: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM12 7.5v5.5M12 16.3v.1",
  phone: "M8 3.5h8A1.5 1.5 0 0 1 17.5 5v14a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 19V5A1.5 1.5 0 0 1 8 3.5zM11 17.7h2",
  file: "M6.5 3.5H14l4 4v13H6.5zM13.5 3.5V8H18",
  clip: "M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.5-8.5a3.4 3.4 0 0 1 4.8 4.8L9.6 17.3a1.7 1.7 0 0 1-2.4-2.4l7.6-7.6",
  mic: "M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3",
  again: "M19 12a7 7 0 1 1-2.2-5.1M19.5 4.5v4h-4",
  play: "M8 5.2v13.6L19 12z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  left: "M14.5 5l-7 7 7 7",
  right: "M9.5 5l7 7-7 7",
  zoomIn: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16.2 16.2 20.5 20.5M11 8.2v5.6M8.2 11h5.6",
  zoomOut: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16.2 16.2 20.5 20.5M8.2 11h5.6",
  text: "M6.5 3.5H14l4 4v13H6.5zM13.5 3.5V8H18M9.5 12h5M9.5 15.5h5",
  table: "M6.5 3.5H14l4 4v13H6.5zM13.5 3.5V8H18M9.3 11.5h5.4v6H9.3zM9.3 14.5h5.4M12 11.5v6",
  archive: "M6.5 3.5H14l4 4v13H6.5zM13.5 3.5V8H18M10.5 6.5v.01M10.5 9.5v.01M10.5 12.5v.01M9.3 15h2.4v2.6H9.3z",
  image: "M4.5 5h15v14h-15zM4.8 16.5l4.4-4.6 3.3 3.4 2.6-2.6 4.2 4M15.3 8.9v.2",
  film: "M4.5 5h15v14h-15zM8 5v14M16 5v14M4.5 9.7H8M4.5 14.3H8M16 9.7h3.5M16 14.3h3.5",
  music: "M9.5 17.2V6l9-1.8v11M9.5 17.2a2.3 2.3 0 1 1-4.6 0 2.3 2.3 0 0 1 4.6 0zM18.5 15.2a2.3 2.3 0 1 1-4.6 0 2.3 2.3 0 0 1 4.6 0z",
  pin: "M12 3.5a6 6 0 0 1 6 6c0 4-6 11-6 11s-6-7-6-11a6 6 0 0 1 6-6zM12 7.8a1.9 1.9 0 1 1 0 3.8 1.9 1.9 0 0 1 0-3.8z",
  // channels
  app: "M5 5h14a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 19 17h-7.5L7 20.5V17H5a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 5 5zM8.3 11v.1M12 11v.1M15.7 11v.1",
  telegram: "M3.5 11.5 20.5 4.5 17.5 19.5l-5.5-4-3 3v-5zM9 13.5l7-5.5",
  whatsapp: "M12 3.7a8.2 8.2 0 1 1-4 15.4L4 20l1-3.9A8.2 8.2 0 0 1 12 3.7zM9 8.3c-.6 3 2.8 6.8 6.3 6.5.5-.6.7-1 .6-1.6l-1.9-.9-.9.9c-1.3-.5-2-1.3-2.5-2.5l.8-.9-.8-1.8c-.6-.1-1.1 0-1.6.300z",
  mock: "M8 3.5h8A1.5 1.5 0 0 1 17.5 5v14a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 19V5A1.5 1.5 0 0 1 8 3.5zM11 17.7h2",
  import: "M12 3.5v10M8 10l4 4 4-4M4.5 15v4.5h15V15",
  other: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM3.7 12h16.6M12 3.7c-5 5-5 11.6 0 16.6 5-5 5-11.6 0-16.6z",
};

/** A decoration beside a text or inside a button that has its own label. */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}

const CHANNELS = ["app", "telegram", "whatsapp", "mock", "import"];

/** The channel that something goes over; its name is there for everyone, by title and for screen readers. */
export function ChannelIcon({ channel }) {
  const known = CHANNELS.includes(channel) ? channel : "other";
  const name = t("message.via", { channel: channelName(channel) });
  return html`<svg class="icon channel channel-${known}" viewBox="0 0 24 24" role="img" aria-label=${name}>
    <title>${name}</title>
    <path d=${PATHS[known]} />
  </svg>`;
}

const TICKS = {
  queued: PATHS.clock,
  accepted: "M7 12.5l4 4L19 8",
  sent: "M7 12.5l4 4L19 8",
  delivered: "M2.5 12.5l4 4L14.5 8M10.5 15l1.5 1.5L20.5 8",
  read: "M2.5 12.5l4 4L14.5 8M10.5 15l1.5 1.5L20.5 8",
  failed: PATHS.alert,
};

/** A clock until the server has it, a dotted tick when it does, one tick sent, two delivered, two coloured ones read. */
export function Tick({ status }) {
  return html`<svg class="icon tick tick-${status}" viewBox="0 0 24 24" aria-hidden="true"><path d=${TICKS[status]} /></svg>`;
}

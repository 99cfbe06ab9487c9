/** A sound with our own controls: play, how far it is, how long it takes. Only one plays at a time. */

import { notify } from "../actions.js";
import { dropLink, linkTo } from "../files/content.js";
import { durationText, isVoice } from "../files/kinds.js";
import { t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { IconButton } from "./parts.js";

let current = null; // the sound that plays now

export function AudioPlayer({ file }) {
  const audio = useRef(null);
  const [isPlaying, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [measured, setMeasured] = useState(0);
  const duration = measured || file?.duration || 0;
  useEffect(() => () => audio.current?.pause(), []);

  const play = async () => {
    const sound = audio.current ?? (await load(file.id));
    audio.current = sound;
    sound.onplay = () => setPlaying(true);
    sound.onpause = () => setPlaying(false);
    sound.ontimeupdate = () => setAt(sound.currentTime);
    sound.ondurationchange = () => Number.isFinite(sound.duration) && setMeasured(sound.duration);
    sound.onended = () => setAt(0);
    if (current !== sound) current?.pause();
    current = sound;
    await sound.play();
  };
  const toggle = () => (isPlaying ? audio.current.pause() : play().catch(() => failed(audio, file)));
  const seek = (event) => {
    const to = Number(event.currentTarget.value);
    setAt(to);
    if (audio.current) audio.current.currentTime = to;
  };
  const name = isVoice(file) ? t("message.voice") : file?.name;
  const time = durationText(isPlaying || at ? at : duration);
  return html`<div class="audio" role="group" aria-label=${name} data-testid="audio" data-playing=${String(isPlaying)}>
    <${IconButton} icon=${isPlaying ? "pause" : "play"} label=${t(isPlaying ? "media.pause" : "media.play", { name })}
      class="accent" disabled=${!file} data-testid="audio-toggle" onClick=${toggle} />
    <div class="audio-main">
      ${isVoice(file) ? null : html`<b class="audio-name">${file.name}</b>`}
      <input type="range" min="0" max=${duration || 1} step="0.1" value=${at} disabled=${!audio.current} aria-label=${t("media.position")}
        aria-valuetext=${`${durationText(at)} / ${durationText(duration)}`} data-testid="audio-position"
        style=${{ "--part": `${duration ? (100 * at) / duration : 0}%` }} onInput=${seek} />
    </div>
    <span class="audio-time" data-testid="audio-time">${time}</span>
  </div>`;
}

async function load(fileId) {
  const sound = new Audio();
  sound.preload = "auto";
  sound.src = await linkTo(fileId);
  return sound;
}

/** The link may have expired while the page stood open: the next try takes a new one. */
function failed(audio, file) {
  audio.current = null;
  dropLink(file.id);
  notify(t("media.notPlayable"));
}

/** Recording a voice note in the place where one writes. */

import { notify } from "../actions.js";
import { asAttachment, sendFiles } from "../files/attach.js";
import { durationText } from "../files/kinds.js";
import { Recorder } from "../files/recorder.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { store } from "../store.js";
import { IconButton } from "./parts.js";

const HOLD_MS = 500; // a press at least this long sends when it ends; a shorter one leaves the recording on
const PROMPT_MS = 400; // a start that takes longer was asked about first, and nobody holds the button any more
const SHORTEST_SECONDS = 0.5;
const TICK_MS = 100;
const BARS = 32;

/**
 * The state of a recording: `start` and `send` for the microphone button, `view` for the line to write in meanwhile.
 * @param {string} conversationId
 * @param {string} [replyToId]
 */
export function useVoiceRecorder(conversationId, replyToId) {
  const [recorder, setRecorder] = useState(null);
  const current = useRef(null);
  current.current = recorder;
  useEffect(() => () => current.current?.cancel(), [conversationId]);

  const start = async () => {
    try {
      const started = await Recorder.start();
      setRecorder(started);
      store.dispatch({ type: "set", values: { announcement: t("voice.recording") } });
      return started;
    } catch (error) {
      notify(t(REASONS[error.name] ?? "voice.failed"));
      return null;
    }
  };
  const cancel = (given = current.current) => {
    given?.cancel();
    setRecorder(null);
  };
  const send = async (given = current.current) => {
    if (!given) return;
    if (given.seconds < SHORTEST_SECONDS) return cancel(given);
    setRecorder(null);
    const note = await given.stop();
    sendFiles(conversationId, [await asAttachment(note)], { replyTo: replyToId });
  };
  return { recorder, start, cancel, send };
}

const REASONS = {
  NotAllowedError: "voice.refused",
  NotFoundError: "voice.noMicrophone",
  SecurityError: "voice.insecure",
};

/** Tap to begin and to send; or hold it down while speaking. */
export function MicrophoneButton({ voice }) {
  const onPointerDown = (event) => {
    if (event.button) return;
    event.preventDefault(); // the place to write keeps the focus, and a phone its keyboard
    const pressedAt = Date.now();
    const letGo = new AbortController();
    const started = voice.start().then((recorder) => {
      if (Date.now() - pressedAt > PROMPT_MS) letGo.abort();
      return recorder;
    });
    const release = async () => {
      letGo.abort();
      const isHeld = Date.now() - pressedAt >= HOLD_MS;
      const recorder = await started;
      if (isHeld && recorder) voice.send(recorder);
    };
    window.addEventListener("pointerup", release, { signal: letGo.signal });
    window.addEventListener("pointercancel", release, { signal: letGo.signal });
  };
  const onClick = (event) => {
    if (event.detail === 0) voice.start(); // by keyboard or a screen reader: no pointer came before
  };
  return html`<button type="button" class="send mic" aria-label=${t("voice.record")} title=${t("voice.hint")}
    data-testid="voice-record" onPointerDown=${onPointerDown} onClick=${onClick}><${Icon} name="mic" /></button>`;
}

/** Instead of the line to write in: drop it, see that it hears, send it. Escape drops it too. */
export function RecordingLine({ voice }) {
  const [, tick] = useState(0);
  const levels = useRef(Array(BARS).fill(0));
  const send = useRef(null);
  const { recorder } = voice;
  useEffect(() => {
    send.current.focus();
    const timer = setInterval(() => {
      levels.current = [...levels.current.slice(1), recorder.level];
      tick((count) => count + 1);
    }, TICK_MS);
    return () => {
      clearInterval(timer);
      setTimeout(() => document.getElementById("composer")?.focus(), 0); // once it is to be seen again
    };
  }, [recorder]);
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    voice.cancel();
  };
  return html`<div class="composer-line recording" role="group" aria-label=${t("voice.recording")} data-testid="recording"
    onKeyDown=${onKeyDown}>
    <${IconButton} icon="trash" label=${t("voice.cancel")} class="danger" data-testid="voice-cancel"
      onClick=${() => voice.cancel()} />
    <span class="recording-dot" aria-hidden="true"></span>
    <span class="recording-time" role="timer" data-testid="voice-time">${durationText(Math.floor(recorder.seconds))}</span>
    <span class="recording-levels" aria-hidden="true">
      ${levels.current.map((level, index) => html`<i key=${index} style=${{ height: `${10 + 90 * level}%` }}></i>`)}
    </span>
    <button ref=${send} type="button" class="send" aria-label=${t("compose.send")} title=${t("compose.send")}
      data-testid="voice-send" onClick=${() => voice.send()}><${Icon} name="send" /></button>
  </div>`;
}

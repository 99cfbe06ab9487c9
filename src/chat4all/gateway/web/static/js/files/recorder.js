/** Records the microphone: one voice note, as a file. */

import { oggFromWebm } from "./ogg-opus.js";

/** The first that the browser can record is taken. Opus in WebM goes on as Opus in Ogg, which phones know. */
const TYPES = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];
const ENDINGS = { "audio/ogg": "ogg", "audio/mp4": "m4a", "audio/webm": "webm" };
const BITS_PER_SECOND = 32_000;

export class Recorder {
  #stream;
  #recorder;
  #parts = [];
  #meter = null;

  /** Ask for the microphone and begin. Rejects with a DOMException named as the platform does when there is none. */
  static async start() {
    if (!navigator.mediaDevices) throw new DOMException("only over https", "SecurityError");
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    return new Recorder(stream);
  }

  constructor(stream) {
    this.#stream = stream;
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND });
    this.#recorder.addEventListener("dataavailable", ({ data }) => this.#parts.push(data));
    this.#recorder.start();
    this.startedAt = performance.now();
    this.#listen();
  }

  get seconds() {
    return (performance.now() - this.startedAt) / 1_000;
  }

  /** How loud it is right now, 0 to 1. */
  get level() {
    if (!this.#meter) return 0;
    const { analyser, samples } = this.#meter;
    analyser.getFloatTimeDomainData(samples);
    return Math.min(1, 4 * Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length));
  }

  /** @returns {Promise<File>} the note; the microphone is off afterwards */
  async stop() {
    const ended = new Promise((resolve) => this.#recorder.addEventListener("stop", resolve, { once: true }));
    this.#recorder.stop();
    await ended;
    this.cancel();
    const recorded = new Blob(this.#parts, { type: this.#recorder.mimeType.split(";")[0] });
    const ogg = recorded.type === "audio/webm" ? oggFromWebm(await recorded.arrayBuffer()) : null;
    const [bytes, type] = ogg ? [ogg, "audio/ogg"] : [recorded, recorded.type];
    const moment = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    return new File([bytes], `voice ${moment}.${ENDINGS[type] ?? "audio"}`, { type });
  }

  /** Switch the microphone off; what was recorded is dropped. */
  cancel() {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    for (const track of this.#stream.getTracks()) track.stop();
    this.#meter?.context.close();
    this.#meter = null;
  }

  #listen() {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(this.#stream).connect(analyser);
    this.#meter = { context, analyser, samples: new Float32Array(analyser.fftSize) };
  }
}

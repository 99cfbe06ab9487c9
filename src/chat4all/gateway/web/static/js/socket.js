/** The live connection: keeps itself open, and picks up after a break where it stopped. */

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 20_000;
const QUIET_MS = 25_000;
const ANSWER_MS = 8_000;

/**
 * How long to wait before the next try: doubling, with jitter so that a restarted server is not stormed.
 * @param {number} attempt 0 for the first retry
 */
export function retryDelay(attempt, random = Math.random) {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return ceiling / 2 + (random() * ceiling) / 2;
}

export class Socket {
  #socket = null;
  #cursor = null;
  #readyCursor = null;
  #attempt = 0;
  #retryTimer = null;
  #quietTimer = null;
  #wanted = false;

  /**
   * @param {object} options
   * @param {(attempt: number) => Promise<string>} options.token a good access token
   * @param {(frame: object) => void} options.onFrame every frame of the server, in order
   * @param {(state: "connecting"|"online"|"offline", resumed: boolean) => void} options.onState
   */
  constructor({ token, onFrame, onState }) {
    this.token = token;
    this.onFrame = onFrame;
    this.onState = onState;
    this.wake = () => this.#wanted && !this.#socket && this.#open();
    this.sleep = () => this.#drop(this.#socket);
  }

  get isOnline() {
    return this.#socket?.readyState === WebSocket.OPEN && this.#readyCursor !== null;
  }

  start() {
    this.#wanted = true;
    window.addEventListener("online", this.wake);
    window.addEventListener("offline", this.sleep);
    this.#open();
  }

  stop() {
    this.#wanted = false;
    window.removeEventListener("online", this.wake);
    window.removeEventListener("offline", this.sleep);
    clearTimeout(this.#retryTimer);
    this.#drop(this.#socket);
  }

  /** @returns {boolean} whether the frame went out; a lost one is the caller's to repeat */
  send(frame) {
    if (!this.isOnline) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  async #open() {
    clearTimeout(this.#retryTimer);
    if (!this.#wanted || this.#socket) return;
    this.#socket = "opening";
    let token;
    try {
      token = await this.token(this.#attempt);
    } catch {
      this.#drop("opening");
      return;
    }
    if (this.#socket !== "opening") return;
    const socket = connect(token);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#receive(socket, JSON.parse(event.data)));
    socket.addEventListener("close", () => this.#drop(socket));
    this.#expectFrames();
  }

  #receive(socket, frame) {
    if (socket !== this.#socket) return;
    this.#expectFrames();
    if (frame.type === "ready") this.#ready(frame);
    else if (isCursorRefused(frame)) this.#startAfresh();
    else {
      this.onFrame(frame);
      if (frame.cursor) this.#cursor = frame.cursor;
    }
  }

  #ready(frame) {
    this.#attempt = 0;
    this.#readyCursor = frame.cursor ?? "";
    const resumed = this.#cursor !== null;
    if (resumed) this.send({ type: "resume", cursor: this.#cursor });
    else this.#cursor = frame.cursor ?? null;
    this.onFrame(frame);
    this.onState("online", resumed);
  }

  /** The server no longer knows our cursor: what was missed has to be read again. */
  #startAfresh() {
    this.#cursor = this.#readyCursor;
    this.onState("online", false);
  }

  /** Ask for a sign of life when it is quiet, and give the connection up when none comes. */
  #expectFrames() {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      this.send({ type: "ping" });
      const socket = this.#socket;
      this.#quietTimer = setTimeout(() => this.#drop(socket), ANSWER_MS);
    }, QUIET_MS);
  }

  #drop(socket) {
    if (!socket || socket !== this.#socket) return;
    clearTimeout(this.#quietTimer);
    this.#socket = null;
    this.#readyCursor = null;
    if (socket instanceof WebSocket) socket.close();
    if (this.#wanted) this.#retryLater();
  }

  #retryLater() {
    this.onState("offline", false);
    this.#retryTimer = setTimeout(() => this.#open(), retryDelay(this.#attempt));
    this.#attempt += 1;
  }
}

function isCursorRefused(frame) {
  return frame.type === "error" && !frame.request_id && /cursor/.test(`${frame.code} ${frame.detail}`);
}

function connect(token) {
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/ws`;
  try {
    return new WebSocket(url, ["chat4all.v1", `bearer.${token}`]);
  } catch {
    // Not every token may stand in a subprotocol's name; such a one goes in the first frame.
    const socket = new WebSocket(url, ["chat4all.v1"]);
    socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "auth", token })));
    return socket;
  }
}

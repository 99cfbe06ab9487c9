/** SHA-256 piece by piece (FIPS 180-4): the browser's own digest wants the whole file in memory. */

const BLOCK = 64;
const ROUND_CONSTANTS = new Int32Array(64);
const START = new Int32Array(8);

// the first 32 bits of the fractional parts of roots of the first 64 primes
for (let candidate = 2, found = 0; found < 64; candidate += 1) {
  let isPrime = true;
  for (let factor = 2; factor * factor <= candidate; factor += 1) if (candidate % factor === 0) isPrime = false;
  if (!isPrime) continue;
  if (found < 8) START[found] = fraction(Math.sqrt(candidate));
  ROUND_CONSTANTS[found] = fraction(Math.cbrt(candidate));
  found += 1;
}

function fraction(root) {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}

export class Sha256 {
  #state = new Int32Array(START);
  #schedule = new Int32Array(64);
  #rest = new Uint8Array(BLOCK);
  #restLength = 0;
  #length = 0;

  /** @param {Uint8Array} bytes the next part of what is hashed */
  update(bytes) {
    this.#length += bytes.length;
    let at = 0;
    if (this.#restLength) {
      at = Math.min(BLOCK - this.#restLength, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#restLength);
      this.#restLength += at;
      if (this.#restLength < BLOCK) return this;
      this.#compress(this.#rest, 0);
      this.#restLength = 0;
    }
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.#compress(bytes, at);
    this.#rest.set(bytes.subarray(at));
    this.#restLength = bytes.length - at;
    return this;
  }

  /** The digest as 64 hexadecimal digits; nothing can be added afterwards. */
  digest() {
    const bits = this.#length * 8;
    const padded = this.#restLength < BLOCK - 8 ? BLOCK : 2 * BLOCK;
    const tail = new Uint8Array(padded);
    tail.set(this.#rest.subarray(0, this.#restLength));
    tail[this.#restLength] = 0x80;
    const view = new DataView(tail.buffer);
    view.setUint32(padded - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padded - 4, bits >>> 0);
    for (let at = 0; at < padded; at += BLOCK) this.#compress(tail, at);
    return [...this.#state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #compress(bytes, at) {
    const w = this.#schedule;
    const k = ROUND_CONSTANTS;
    for (let i = 0; i < 16; i += 1, at += 4) {
      w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const state = this.#state;
    let a = state[0]; // spelled out: taking a typed array apart is slow
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

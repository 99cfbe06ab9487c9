/**
 * Opus sound from a WebM container into an Ogg one (RFC 7845), without touching the sound. Browsers record the former;
 * the voice notes of WhatsApp and Telegram are the latter, and it tells how long it takes.
 */

const RATE = 48_000; // Opus counts time in these, whatever was recorded
const FRAME_MS = { silk: [10, 20, 40, 60], hybrid: [10, 20], celt: [2.5, 5, 10, 20] };
const PACKETS_PER_PAGE = 40;

/**
 * @param {ArrayBuffer} webm a recording of one track of Opus
 * @returns {Uint8Array|null} null when it is something else
 */
export function oggFromWebm(webm) {
  const { head, packets } = readWebm(new Uint8Array(webm));
  if (!head || !packets.length) return null;
  const serial = crypto.getRandomValues(new Uint32Array(1))[0];
  const pages = [page({ serial, number: 0, flags: 2, position: 0, packets: [head] })];
  pages.push(page({ serial, number: 1, flags: 0, position: 0, packets: [tags()] }));
  let position = 0;
  for (let from = 0; from < packets.length; from += PACKETS_PER_PAGE) {
    const some = packets.slice(from, from + PACKETS_PER_PAGE);
    position += some.reduce((sum, packet) => sum + samplesIn(packet), 0);
    const isLast = from + PACKETS_PER_PAGE >= packets.length;
    pages.push(page({ serial, number: pages.length, flags: isLast ? 4 : 0, position, packets: some }));
  }
  return joined(pages);
}

// --- WebM: elements of an id, a length and their content (RFC 8794, RFC 9559) ----------------------------------------

const INSIDE = new Set([0x18538067, 0x1654ae6b, 0xae, 0x1f43b675, 0xa0]); // Segment, Tracks, TrackEntry, Cluster, BlockGroup
const CODEC_PRIVATE = 0x63a2;
const BLOCKS = new Set([0xa3, 0xa1]);

function readWebm(bytes) {
  const packets = [];
  let head = null;
  let at = 0;
  while (at < bytes.length) {
    const id = number(bytes, at, true);
    const size = number(bytes, at + id.length, false);
    if (!id.length || !size.length) break;
    at += id.length + size.length;
    if (INSIDE.has(id.value)) continue; // a recording's own lengths may be unknown: what is inside tells
    const content = bytes.subarray(at, at + size.value);
    if (id.value === CODEC_PRIVATE && startsWith(content, "OpusHead")) head = content;
    if (BLOCKS.has(id.value)) packets.push(content.subarray(number(content, 0, false).length + 3)); // time and flags
    at += size.value;
  }
  return { head, packets };
}

/** A number whose first byte tells its length by its leading zeros; an id keeps the mark of the length. */
function number(bytes, at, keepsMark) {
  const first = bytes[at];
  if (!first) return { length: 0, value: 0 };
  const length = Math.clz32(first) - 23;
  let value = keepsMark ? first : first & (0xff >> length);
  for (let i = 1; i < length; i += 1) value = value * 256 + bytes[at + i];
  return { length, value };
}

// --- Opus: the first byte of a packet tells how long it plays (RFC 6716, 3.1) -----------------------------------------

function samplesIn(packet) {
  const config = packet[0] >> 3;
  const mode = config < 12 ? FRAME_MS.silk : config < 16 ? FRAME_MS.hybrid : FRAME_MS.celt;
  const frames = [1, 2, 2, packet[1] & 63][packet[0] & 3];
  return (frames * mode[config % mode.length] * RATE) / 1_000;
}

// --- Ogg: pages of whole packets (RFC 3533) ---------------------------------------------------------------------------

function tags() {
  const vendor = new TextEncoder().encode("Chat4All");
  const bytes = new Uint8Array(16 + vendor.length);
  bytes.set(new TextEncoder().encode("OpusTags"));
  new DataView(bytes.buffer).setUint32(8, vendor.length, true);
  bytes.set(vendor, 12);
  return bytes;
}

function page({ serial, number: sequence, flags, position, packets }) {
  const lacing = packets.flatMap(({ length }) => [...Array(Math.floor(length / 255)).fill(255), length % 255]);
  const header = new Uint8Array(27 + lacing.length);
  const view = new DataView(header.buffer);
  header.set(new TextEncoder().encode("OggS"));
  header[5] = flags;
  view.setBigUint64(6, BigInt(Math.round(position)), true);
  view.setUint32(14, serial, true);
  view.setUint32(18, sequence, true);
  header[26] = lacing.length;
  header.set(lacing, 27);
  const whole = joined([header, ...packets]);
  new DataView(whole.buffer).setUint32(22, checksum(whole), true);
  return whole;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  return value >>> 0;
});

const checksum = (bytes) => bytes.reduce((sum, byte) => ((sum << 8) ^ TABLE[(sum >>> 24) ^ byte]) >>> 0, 0);

const startsWith = (bytes, text) => [...text].every((letter, index) => bytes[index] === letter.charCodeAt(0));

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

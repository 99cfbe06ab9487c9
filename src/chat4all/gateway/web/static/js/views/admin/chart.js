/** Small pictures of numbers: over time, and side by side. Drawn here, so that nothing is loaded for them. */

import { html } from "../../preact.js";

const WIDTH = 360;
const HEIGHT = 72;
const ROOM = 4; // above the highest value

/**
 * Values over time, the newest at the right; null leaves a gap.
 * @param {{label: string, lines: {values: (number|null)[], kind: string, area?: boolean}[], limit?: number, least?: number, most?: number}} props
 *   `limit` draws a line to stay under; the picture reaches up to `least` at least, and to `most` at most
 */
export function Chart({ label, lines, limit = 0, least = 1, most = Infinity }) {
  const top = Math.min(most, Math.max(least, limit, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const y = (value) => HEIGHT - (Math.min(value, top) / top) * (HEIGHT - ROOM);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
    <title>${label}</title>
    ${limit ? html`<line class="chart-limit" x1="0" x2=${WIDTH} y1=${y(limit)} y2=${y(limit)} />` : null}
    ${lines.map(({ values, kind, area }) => {
      const runs = runsOf(values).map((run) => run.map(([place, value]) => [(place / (values.length - 1)) * WIDTH, y(value)]));
      return html`<g key=${kind} class="chart-${kind}">
        ${area ? runs.map((run) => html`<path class="chart-area" d=${`${drawn(run)}V${HEIGHT}H${run[0][0]}Z`} />`) : null}
        ${runs.map((run) => html`<path class="chart-line" d=${drawn(run)} />`)}
      </g>`;
    })}
  </svg>`;
}

/** The pieces of a line between its gaps, as places and values. */
function runsOf(values) {
  const runs = [];
  values.forEach((value, place) => {
    if (value === null) return;
    if (!place || values[place - 1] === null) runs.push([]);
    runs.at(-1).push([place, value]);
  });
  return runs;
}

const drawn = (run) => `M${run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}${run.length > 1 ? "" : "h1"}`;

/** How much of something there is, between nothing and twice what is meant; the tick stands at what is meant. */
export function Meter({ label, part, isGood }) {
  return html`<svg class="meter ${isGood ? "good" : "bad"}" viewBox="0 0 200 12" preserveAspectRatio="none" role="img" aria-label=${label}>
    <title>${label}</title>
    <rect class="meter-ground" width="200" height="12" />
    <rect class="meter-fill" width=${Math.max(4, Math.min(200, part * 100))} height="12" />
    <rect class="meter-tick" x="99" width="2" height="12" />
  </svg>`;
}

/**
 * Parts of a whole, side by side.
 * @param {{label: string, whole: number, parts: {kind: string, count: number}[]}} props
 */
export function Stack({ label, whole, parts }) {
  let x = 0;
  return html`<svg class="stack" viewBox="0 0 200 10" preserveAspectRatio="none" role="img" aria-label=${label}>
    <title>${label}</title>
    <rect class="meter-ground" width="200" height="10" />
    ${parts.map(({ kind, count }) => {
      const width = whole ? (200 * count) / whole : 0;
      const left = x;
      x += width;
      return html`<rect key=${kind} class="stack-${kind}" x=${left} width=${width} height="10" />`;
    })}
  </svg>`;
}

// A moving pointer over a number's normal band: where it stands is seen before it is read.
import { html } from "../html.js";
import * as format from "../format.js";
import { sideOf } from "../state.js";
import { t } from "../words.js";

const MARGIN = 0.35; // of the band's width, shown on either side of it

function scaleOf(normal) {
  const width = normal[1] - normal[0] || 1;
  const low = normal[0] - MARGIN * width;
  return { low, width: width * (1 + 2 * MARGIN) };
}

export function Band({ tag, normal, value }) {
  const { low, width } = scaleOf(normal);
  const at = (x) => 100 * Math.min(1, Math.max(0, (x - low) / width));
  const [from, to] = normal.map(at);
  const side = sideOf(value, normal);
  const label = t("band.normal", {
    low: format.value(tag, normal[0]), high: format.value(tag, normal[1]), unit: tag.unit,
  });
  return html`<div class=${`band ${side ? "out" : ""}`} role="img" aria-label=${label} title=${label}>
    <div class="normal" style=${{ left: `${from}%`, width: `${to - from}%` }}></div>
    ${typeof value === "number" && html`<div class="pointer" style=${{ left: `${at(value)}%` }}></div>`}
  </div>`;
}

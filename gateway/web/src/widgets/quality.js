// A reading's quality: shape and word, and why.
import { html } from "../html.js";
import { reason } from "../reason.js";
import { t } from "../words.js";
import { Shape } from "./shape.js";

export function Quality({ reading }) {
  if (!reading) {
    return html`<span class="quality none">—</span>`;
  }
  return html`<span class=${`quality ${reading.q}`}><${Shape} name=${reading.q} /> ${t(`quality.${reading.q}`)}${reading.q === "bad" && html` <small>${reason(reading.r)}</small>`}</span>`;
}

// The stack light over a machine: red above, yellow, green below; the only green of the page.
import { html } from "../html.js";
import { t } from "../words.js";

const SEGMENTS = [["red", 3], ["yellow", 21], ["green", 39]];

export function Lamp({ lit }) {
  return html`<svg class="lamp" viewBox="0 0 24 70" role="img" aria-label=${t(`lamp.${lit}`)}>
    ${SEGMENTS.map(([colour, y]) => html`<rect x="4" y=${y} width="16" height="16" rx="2"
      class=${colour === lit ? `lit ${colour}` : "dark"} />`)}
    <path class="pole" d="M9 57 H15 V64 H20 V68 H4 V64 H9 Z" />
  </svg>`;
}

// An address as a QR code, drawn as one SVG path.
import { generate } from "../lib/qr.js";
import { html } from "../html.js";
import { t } from "../words.js";

const QUIET = 4; // modules of white that scanners want around it

export function QrCode({ text }) {
  const code = generate(text);
  let path = "";
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) {
      if (code.get(x, y)) {
        path += `M${x} ${y}h1v1h-1z`;
      }
    }
  }
  const size = code.size + 2 * QUIET;
  return html`<figure class="qr"><svg viewBox=${`${-QUIET} ${-QUIET} ${size} ${size}`} role="img" aria-label=${`${t("topics.qr")}: ${text}`}
      shape-rendering="crispEdges"><rect x=${-QUIET} y=${-QUIET} width=${size} height=${size} fill="#fff" /><path d=${path} /></svg>
    <figcaption>${t("topics.qr")}<br /><span class="mono">${text}</span></figcaption></figure>`;
}

// How long answers took: one bar a class, its height the share of all.
import { html } from "../html.js";
import * as format from "../format.js";
import { t } from "../words.js";

/** The last class has no upper end. */
function classOf(upper) {
  return upper === null ? t("bus.longer") : `≤ ${format.micros(upper)}`;
}

export function Histogram({ rtt }) {
  const used = rtt.histogram.filter(([, count]) => count > 0);
  if (!used.length) {
    return html`<p class="nothing">—</p>`;
  }
  const first = rtt.histogram.indexOf(used[0]), last = rtt.histogram.indexOf(used[used.length - 1]);
  const shown = rtt.histogram.slice(Math.max(0, first - 1), last + 2);
  const most = Math.max(...shown.map(([, count]) => count));
  const sum = shown.reduce((all, [, count]) => all + count, 0);
  const label = shown.filter(([, count]) => count).map(([upper, count]) => `${classOf(upper)}: ${format.number(count)}`).join(", ");
  return html`<div class="histogram" role="img" aria-label=${`${t("bus.rtt")}: ${label}`}>
    ${shown.map(([upper, count]) => html`<div title=${`${classOf(upper)}: ${format.number(count)} (${format.number((100 * count) / sum, 1)} %)`}>
      <i style=${{ height: `${count ? Math.max(3, (100 * count) / most) : 0}%` }}></i><span>${upper === null ? "…" : format.micros(upper)}</span></div>`)}</div>`;
}

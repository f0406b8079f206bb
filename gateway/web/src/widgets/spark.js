// Fifteen minutes of one number at a glance: its normal band behind, gaps where nothing was known.
import { Component, html } from "../html.js";
import { t } from "../words.js";

const WIDTH = 180;
const HEIGHT = 40;

function limits(ring, normal) {
  const range = ring.range();
  if (!range) {
    return null;
  }
  let [low, high] = range;
  if (normal) {
    low = Math.min(low, normal[0]);
    high = Math.max(high, normal[1]);
  }
  const margin = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  return [low - margin, high + margin];
}

/** Lines and areas of the stretches without a gap. */
function stretches(ring, y) {
  const newest = ring.buckets[ring.buckets.length - 1].index;
  const x = (index) => WIDTH - (newest - index) * (WIDTH / ring.count);
  const lines = [], areas = [];
  let run = [];
  const end = () => {
    if (run.length) {
      const first = x(run[0].index) - WIDTH / ring.count;
      lines.push(`M${first} ${y(run[0].last)}` + run.map((b) => `L${x(b.index)} ${y(b.last)}`).join(""));
      areas.push(`M${run.map((b) => `${x(b.index)} ${y(b.max)}`).join("L")}L${
        [...run].reverse().map((b) => `${x(b.index)} ${y(b.min)}`).join("L")}Z`);
    }
    run = [];
  };
  let previous = null;
  for (const bucket of ring.buckets) {
    if (bucket.isBad || (previous !== null && bucket.index - previous > 3)) {
      end();
    }
    if (!bucket.isBad) {
      run.push(bucket);
    }
    previous = bucket.index;
  }
  end();
  return { lines: lines.join(""), areas: areas.join("") };
}

export class Spark extends Component {
  shouldComponentUpdate(next) {
    return next.version !== this.props.version || next.ring !== this.props.ring
      || next.label !== this.props.label;
  }

  render({ ring, normal, label }) {
    const range = ring.buckets.length ? limits(ring, normal) : null;
    if (!range) {
      return html`<div class="spark"></div>`;
    }
    const y = (value) => +(HEIGHT - ((value - range[0]) / (range[1] - range[0])) * HEIGHT).toFixed(2);
    const { lines, areas } = stretches(ring, y);
    return html`<svg class="spark" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none"
        role="img" aria-label=${`${label} · ${t("wall.history")}`}>
      ${normal && html`<rect class="normal" x="0" width=${WIDTH} y=${y(normal[1])}
        height=${Math.max(1, y(normal[0]) - y(normal[1]))} />`}
      <path class="area" d=${areas} /><path class="line" d=${lines} />
    </svg>`;
  }
}

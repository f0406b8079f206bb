// One number over time, from the journal: least and greatest of each bucket, the last one as a line,
// the normal band behind, hatching where the reading was bad. Drag to zoom.
import uPlot from "../lib/uplot.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { ask, query } from "../api.js";
import * as format from "../format.js";
import { problem } from "../reason.js";
import { resolve } from "../span.js";
import * as store from "../store.js";
import { titleOf } from "../words.js";

const HEIGHT = 150;
const SECONDS_BELOW_MS = 15 * 60000;
const together = uPlot.sync("trends");

/** Columns for uPlot. Where readings are missing, by the tag's own pace, there is a hole in the line:
 *  a slow tag has many empty buckets and lacks nothing. */
export function columns({ points, step_ms: step }, everyMs = 0) {
  const [x, min, max, last] = [[], [], [], []];
  let previous = null;
  for (const [time, low, high, end, quality] of points) {
    if (previous !== null && time - previous > 3 * Math.max(step, everyMs)) {
      x.push((previous + step) / 1000);
      min.push(null), max.push(null), last.push(null);
    }
    const isBad = quality === 2;
    x.push(time / 1000);
    min.push(isBad ? null : low);
    max.push(isBad ? null : high);
    last.push(isBad ? null : Number(end));
    previous = time;
  }
  return [x, min, max, last];
}

/** The points without a neighbour that a line could go to: they are drawn as dots. */
export function alone(values) {
  const isThere = (index) => values[index] !== null && values[index] !== undefined;
  return [...values.keys()].filter((index) => isThere(index) && !isThere(index - 1) && !isThere(index + 1));
}

/** [from, to] of the stretches whose buckets hold bad readings only, epoch ms. */
export function badStretches({ points, step_ms: step }) {
  const found = [];
  for (const [time, , , , quality] of points) {
    const newest = found[found.length - 1];
    if (quality !== 2) {
      continue;
    }
    if (newest && time - newest[1] <= step) {
      newest[1] = time + step;
    } else {
      found.push([time, time + step]);
    }
  }
  return found;
}

function hatching(context) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = "#6d7881";
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(-2, 10), pen.lineTo(10, -2), pen.moveTo(-2, 2), pen.lineTo(2, -2), pen.moveTo(6, 10), pen.lineTo(10, 6);
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

function drawBehind(normal, bad) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (normal) {
      const top = plot.valToPos(normal[1], "y", true), bottom = plot.valToPos(normal[0], "y", true);
      ctx.fillStyle = "#d3d9dd";
      ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    }
    ctx.fillStyle = hatching(ctx);
    for (const [from, to] of bad) {
      const left = plot.valToPos(from / 1000, "x", true), right = plot.valToPos(to / 1000, "x", true);
      ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
    }
    ctx.restore();
  };
}

function rangeWith(normal) {
  return (plot, low, high) => {
    if (low === null) {
      return normal || [0, 1];
    }
    const [least, most] = normal ? [Math.min(low, normal[0]), Math.max(high, normal[1])] : [low, high];
    const margin = (most - least) * 0.08 || Math.abs(most) * 0.02 || 1;
    return [least - margin, most + margin];
  };
}

const INK = "#1f2a31";
const FONT = "12px Inter, 'Segoe UI', Roboto, sans-serif";
const GRID = { stroke: "#c3cacf", width: 1 };

function options({ width, normal, bad, window, tell, zoomTo }) {
  const isShort = window.to - window.from < SECONDS_BELOW_MS;
  return {
    width, height: HEIGHT, legend: { show: false }, padding: [8, 22, 0, 0],
    cursor: { sync: { key: together.key }, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
    scales: { x: { time: true, range: [window.from / 1000, window.to / 1000] }, y: { range: rangeWith(normal) } },
    axes: [
      { font: FONT, stroke: "#485059", grid: GRID, ticks: GRID, size: 28,
        values: (_, splits) => splits.map((s) => (isShort ? format.clock : format.hour)(s * 1000)), space: isShort ? 90 : 60 },
      { font: FONT, stroke: "#485059", grid: GRID, ticks: GRID, size: 62,
        values: (_, splits) => {
          const decimals = Math.min(6, Math.max(...splits.map(format.ownDecimals)));
          return splits.map((v) => (Math.abs(v) >= 100000 ? format.compact(v) : format.number(v, decimals)));
        } },
    ],
    series: [{}, { stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } },
      { stroke: INK, width: 1.6, points: { show: false, size: 4, width: 0, fill: INK,
        filter: (plot, index) => alone(plot.data[index]) } }],
    bands: [{ series: [2, 1], fill: "rgba(74, 85, 94, .35)" }],
    hooks: {
      drawClear: [drawBehind(normal, bad)],
      setCursor: [(plot) => tell(plot.cursor.idx)],
      setSelect: [(plot) => {
        const { left, width: wide } = plot.select;
        if (wide > 4) {
          zoomTo(plot.posToVal(left, "x") * 1000, plot.posToVal(left + wide, "x") * 1000);
        }
      }],
    },
  };
}

function useHistory(machine, tag, span, beat) {
  const [answer, setAnswer] = useState(null);
  useEffect(() => {
    let isWanted = true;
    const window = resolve(span, Math.round(store.now()));
    ask(query("/api/history", { machine, tag, from: Math.round(window.from), to: Math.round(window.to), points: 600 }))
      .then((told) => isWanted && setAnswer({ ...told, window }));
    return () => { isWanted = false; };
  }, [machine, tag, span, beat]);
  return answer;
}

export function Trend({ machine, tag, normal, span, beat, zoomTo }) {
  const place = useRef(null);
  const readout = useRef(null);
  const answer = useHistory(machine.name, tag.name, span, beat);
  useEffect(() => {
    if (!answer || answer.error || !place.current) {
      return undefined;
    }
    const data = columns(answer, tag.every_ms);
    const tell = (index) => {
      if (readout.current) {
        const value = index === null || index === undefined ? null : data[3][index];
        readout.current.textContent = value === null || value === undefined ? ""
          : `${format.clock(data[0][index] * 1000)}  ${format.value(tag, value)} ${tag.unit}`;
      }
    };
    const make = () => new uPlot(options({ width: place.current.clientWidth, normal,
      bad: badStretches(answer), window: answer.window, tell, zoomTo }), data, place.current);
    let plot = make();
    const resize = () => plot.setSize({ width: place.current.clientWidth, height: HEIGHT });
    addEventListener("resize", resize);
    return () => {
      removeEventListener("resize", resize);
      plot.destroy();
      plot = null;
    };
  }, [answer, document.documentElement.lang]);
  return html`<figure class="trend" data-tag=${tag.name} data-from=${answer && answer.window && Math.round(answer.window.from)}
      data-to=${answer && answer.window && Math.round(answer.window.to)}
      data-points=${answer && answer.points ? answer.points.length : null}>
    <figcaption><b>${titleOf(tag)}</b> <span class="unit">${tag.unit}</span>
      <output ref=${readout}></output></figcaption>
    ${answer && answer.error ? html`<p class="problem">${problem(answer)}</p>` : html`<div ref=${place}></div>`}
  </figure>`;
}

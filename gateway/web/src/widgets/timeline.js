// A machine's states over time, as a strip: tones and patterns as on the wall, words where they fit.
import { html, useEffect, useState } from "../html.js";
import { ask, query } from "../api.js";
import * as format from "../format.js";
import { looksOf } from "../state.js";
import { resolve } from "../span.js";
import * as store from "../store.js";
import { t } from "../words.js";
import { Shape } from "./shape.js";

const WORD_FROM_SHARE = 0.07;

/** Points of /api/history of a word tag, as stretches within the window. Where the journal was silent
    the gateway says so with a bad point: that time is unknown, not the state before it. */
export function stretches(points, window) {
  return points.map(([time, , , word, quality], index) => ({
    word: quality === 2 ? null : String(word),
    from: Math.max(window.from, time),
    to: Math.min(window.to, index + 1 < points.length ? points[index + 1][0] : window.to),
  })).filter(({ from, to }) => to > from);
}

function nameOf(word) {
  if (word === null) {
    return t("state.unknown");
  }
  const { word: known } = looksOf(word);
  return known ? t(`state.${known}`) : word;
}

/** How long each state lasted in all, longest first; what looks the same is the same. */
function totals(list) {
  const sums = new Map();
  for (const { word, from, to } of list) {
    const name = nameOf(word);
    const known = sums.get(name) || { word, name, ms: 0 };
    sums.set(name, { ...known, ms: known.ms + to - from });
  }
  return [...sums.values()].sort((a, b) => b.ms - a.ms);
}

function looks(word) {
  return word === null ? { shape: "question", tone: "gone", word: "" } : looksOf(word);
}

export function Timeline({ machine, span, beat }) {
  const [told, setTold] = useState(null);
  useEffect(() => {
    let isWanted = true;
    const window = resolve(span, Math.round(store.now()));
    ask(query("/api/history", { machine: machine.name, tag: machine.state,
      from: Math.round(window.from), to: Math.round(window.to), points: 2000 }))
      .then((answer) => isWanted && !answer.error && setTold({ points: answer.points, window }));
    return () => { isWanted = false; };
  }, [machine.name, span, beat]);
  if (!told) {
    return html`<div class="timeline"></div>`;
  }
  const list = stretches(told.points, told.window);
  const length = told.window.to - told.window.from;
  const share = (ms) => `${(100 * ms) / length}%`;
  return html`<div class="timeline" role="img" aria-label=${totals(list).map(({ name, ms }) => `${name} ${format.duration(ms)}`).join(", ")}>
      ${list.map(({ word, from, to }) => html`<div class=${`stretch ${looks(word).tone} ${looks(word).word}`}
        style=${{ left: share(from - told.window.from), width: share(to - from) }}
        title=${`${nameOf(word)} · ${format.clock(from)} · ${format.duration(to - from)}`}>
        ${(to - from) / length > WORD_FROM_SHARE && html`<span>${nameOf(word)}</span>`}</div>`)}
    </div>
    <p class="ends"><span>${format.clock(told.window.from)}</span><span>${format.clock(told.window.to)}</span></p>
    <ul class="totals">${totals(list).map(({ word, name, ms }) => html`<li><${Shape} name=${looks(word).shape} /> ${name} <b>${format.duration(ms)}</b> <small>${format.number((100 * ms) / length)} %</small></li>`)}</ul>`;
}

// What concerns all: no news from the gateway, no broker, a journal in trouble. Else nothing.
import { html, useRef } from "../html.js";
import * as format from "../format.js";
import { useStore } from "../store.js";
import { t } from "../words.js";
import { Shape } from "./shape.js";

const NOTHING_BELOW = 25; // samples; a few are always under way
const THANKS_MS = 8000; // for how long the end of an outage is told

/** How fast the backlog moves, samples a second: over the last seconds of the stream. */
function useSpeed(count, time) {
  const past = useRef([]);
  const list = past.current;
  if (time && (!list.length || time > list[list.length - 1][0])) {
    list.push([time, count]);
    while (list.length > 2 && time - list[0][0] > 4000) {
      list.shift();
    }
  }
  if (list.length < 2) {
    return 0;
  }
  const [first, last] = [list[0], list[list.length - 1]];
  return ((last[1] - first[1]) * 1000) / Math.max(1, last[0] - first[0]);
}

/** The most that waited in this outage, until some time after all was sent: the class should see it. */
function useMost(isDown, count, time) {
  const seen = useRef({ most: 0, doneAt: 0 });
  const now = seen.current;
  if (isDown) {
    now.most = Math.max(now.most, count);
    now.doneAt = 0;
  } else if (now.most > 0 && count < NOTHING_BELOW) {
    now.doneAt = now.doneAt || time;
    if (time - now.doneAt > THANKS_MS) {
      now.most = 0;
    }
  }
  return { most: now.most, isDone: now.doneAt > 0 };
}

function Speed({ speed }) {
  if (Math.abs(speed) < 0.5) {
    return null;
  }
  return html`<span class="speed"><${Shape} name=${speed > 0 ? "high" : "low"} />
    ${speed > 0 ? "+" : "−"}${format.number(Math.abs(speed))}${t("wall.second")}</span>`;
}

function Backlog({ broker, backlog, time }) {
  const isDown = broker.state !== "connected";
  const speed = useSpeed(backlog.count, time);
  const { most, isDone } = useMost(isDown, backlog.count, time);
  if (!isDown && most === 0) {
    return null;
  }
  return html`<div class=${`banner ${isDown ? "warn" : "note"}`} role="status">
    <${Shape} name=${isDown ? "broken" : isDone ? "good" : "run"} />
    <strong>${t(isDown ? "msg.buffering" : isDone ? "msg.drained" : "msg.recovered")}</strong>
    ${!isDone && html`<span class="count"><b>${format.number(backlog.count)}</b> ${t("msg.waiting")}</span>
      <${Speed} speed=${speed} />`}
    ${!isDown && html`<progress max=${most} value=${isDone ? most : most - backlog.count}
      aria-label=${t("msg.recovered")}></progress>`}
  </div>`;
}

export function Banners() {
  const { live, link } = useStore(selectLive);
  if (link === "lost") {
    return html`<div class="banner alarm" role="alert"><${Shape} name="broken" />
      <strong>${t(live ? "msg.silent" : "msg.unreachable")}</strong></div>`;
  }
  if (!live) {
    return null;
  }
  return html`
    ${live.journal && !live.journal.ok && html`<div class="banner alarm" role="alert">
      <${Shape} name="fault" /><strong>${t("msg.journal")}</strong></div>`}
    ${live.journal && live.journal.held && html`<div class="banner warn" role="status">
      <${Shape} name="uncertain" /><strong>${t("msg.held")}</strong></div>`}
    <${Backlog} broker=${live.broker} backlog=${live.backlog} time=${live.time} />`;
}

const selectLive = (all) => all;

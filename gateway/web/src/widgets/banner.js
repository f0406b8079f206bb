// What concerns all: no news from the gateway, no broker, a journal in trouble. Else nothing.
import { html, useEffect, useRef, useState } from "../html.js";
import * as format from "../format.js";
import { useStore } from "../store.js";
import { t } from "../words.js";
import { Shape } from "./shape.js";

const DRAIN_WORTH_SAYING = 50; // samples; a few are always under way

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

function Backlog({ broker, backlog, time }) {
  const speed = useSpeed(backlog.count, time);
  const [most, setMost] = useState(0);
  const isDown = broker.state !== "connected";
  useEffect(() => {
    setMost(isDown || backlog.count > most ? backlog.count : backlog.count < DRAIN_WORTH_SAYING ? 0 : most);
  }, [isDown, backlog.count]);
  if (!isDown && (most === 0 || backlog.count < DRAIN_WORTH_SAYING)) {
    return null;
  }
  const arrow = speed > 0.5 ? "high" : speed < -0.5 ? "low" : "";
  return html`<div class=${`banner ${isDown ? "warn" : "note"}`} role="status">
    <${Shape} name=${isDown ? "broken" : "run"} />
    <strong>${t(isDown ? "msg.buffering" : "msg.recovered")}</strong>
    <span class="count"><b>${format.number(backlog.count)}</b> ${t("msg.waiting")}</span>
    ${arrow && html`<span class="speed"><${Shape} name=${arrow} />
      ${speed > 0 ? "+" : "−"}${format.number(Math.abs(speed))}${t("wall.second")}</span>`}
    ${!isDown && html`<progress max=${most} value=${most - backlog.count}
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

// One machine on the wall: name, state, one number with its normal band, its last quarter of an hour.
import { Component, html } from "../html.js";
import * as format from "../format.js";
import { reason } from "../reason.js";
import { lastGoodOf, ringOf, stateSince } from "../recent.js";
import { Link } from "../router.js";
import { judge, sideOf, toneOf } from "../state.js";
import * as store from "../store.js";
import { t, titleOf } from "../words.js";
import { Band } from "./band.js";
import { Lamp } from "./lamp.js";
import { Shape } from "./shape.js";
import { Spark } from "./spark.js";

const FRESH_FACTOR = 4; // an age is worth saying when it is several times the machine's pace

/** All that a tile says, from the machine and its part of the stream. */
export function assess(machine, live, isHeard) {
  const now = store.now();
  const since = stateSince(machine.name);
  const looks = judge(machine, live, isHeard, since, now);
  const tag = store.tagOf(machine, machine.headline);
  const reading = tag && live && live.values[tag.name];
  const side = reading && reading.q !== "bad" ? sideOf(reading.v, machine.normal) : 0;
  const isGone = looks.tone === "gone";
  const quality = isGone || !reading ? "" : reading.q;
  return {
    looks, tag, reading, side, isGone, quality, tone: toneOf(looks, side, quality),
    heardAt: isGone && lastGoodOf(machine.name) ? lastGoodOf(machine.name).t : live && live.time,
    since: isGone && live && live.state === "offline" ? live.since : since,
  };
}

/** Why somebody should look, in two or three words; empty when nobody need. */
export function complaint({ looks, tag, reading, side, quality }, live) {
  if (looks.word === "offline") {
    return reason(live.reason) || t("state.offline");
  }
  if (looks.tone !== "calm" && looks.tone !== "rest") {
    return t(`state.${looks.word}`);
  }
  if (side) {
    return `${titleOf(tag)} ${t(side < 0 ? "side.low" : "side.high")}`;
  }
  return quality === "bad" ? `${titleOf(tag)} : ${reason(reading.r)}`
    : quality === "uncertain" ? `${titleOf(tag)} : ${t("quality.uncertain")}` : "";
}

function Number({ machine, facts }) {
  const { tag, reading, side, isGone } = facts;
  if (!tag) {
    return html`<div class="number none"></div>`;
  }
  if (isGone || !reading || reading.q === "bad") {
    const last = lastGoodOf(machine.name);
    return html`<div class="number"><span class="value">—</span>
      ${last && html`<span class="last">${t("value.last", { v: `${format.value(tag, last.v)} ${tag.unit}` })}</span>`}</div>`;
  }
  return html`<div class=${`number ${side ? "out" : ""}`}>
    ${side !== 0 && html`<${Shape} name=${side < 0 ? "low" : "high"} />`}
    <span class="value">${format.value(tag, reading.v)}</span>
    <span class="unit">${tag.unit}</span>
    ${side !== 0 && html`<span class="side">${t(side < 0 ? "side.low" : "side.high")}</span>`}
  </div>`;
}

function StateLine({ facts, live, now }) {
  const { looks, since } = facts;
  const text = looks.raw || t(`state.${looks.word}`);
  const why = looks.word === "offline" ? reason(live.reason) : "";
  const lasts = since && now - since >= 60000 ? format.duration(now - since) : "";
  return html`<p class="state"><${Shape} name=${looks.shape} /><span>${text}</span>
    ${(why || lasts) && html`<small>${[why, lasts].filter(Boolean).join(" · ")}</small>`}</p>`;
}

export class Tile extends Component {
  shouldComponentUpdate(next) {
    return next.live !== this.props.live || next.isHeard !== this.props.isHeard
      || next.second !== this.props.second || next.language !== this.props.language;
  }

  render({ machine, live, isHeard }) {
    const facts = assess(machine, live, isHeard);
    const { looks, tag, reading, heardAt } = facts;
    const age = heardAt ? store.now() - heardAt : null;
    const ring = tag && ringOf(machine.name, tag.name);
    const isOld = age !== null && age > Math.max(3000, FRESH_FACTOR * machine.every_ms);
    const isGood = reading && reading.q !== "bad" && !facts.isGone;
    return html`<${Link} to=${`/m/${machine.name}`} class=${`tile ${facts.tone} ${looks.word} ${machine.state ? "lit" : ""}`}
        title=${machine.name}>
      ${machine.state && html`<${Lamp} lit=${looks.lamp} />`}
      <h2>${titleOf(machine)}</h2>
      <${StateLine} facts=${facts} live=${live} now=${store.now()} />
      <${Number} machine=${machine} facts=${facts} />
      ${tag && machine.normal ? html`<${Band} tag=${tag} normal=${machine.normal}
        value=${isGood ? reading.v : null} />` : html`<div class="band none"></div>`}
      ${ring ? html`<${Spark} ring=${ring} version=${ring.version} normal=${machine.normal}
        label=${titleOf(tag)} />` : html`<div class="spark"></div>`}
      <footer><span>${tag ? titleOf(tag) : machine.name}</span>
        <span class=${`age ${isOld ? "old" : ""}`}>${age === null ? t("age.never") : format.ago(age)}</span></footer>
    <//>`;
  }
}

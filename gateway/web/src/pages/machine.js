// One machine: how it is, how it was, and every value with its way back to the wire.
import { html, useEffect, useState } from "../html.js";
import * as format from "../format.js";
import { stateSince } from "../recent.js";
import { reason } from "../reason.js";
import { Link } from "../router.js";
import { useSecond } from "../second.js";
import * as spans from "../span.js";
import * as store from "../store.js";
import { language, t, titleOf } from "../words.js";
import { EventList } from "../widgets/events.js";
import { Lamp } from "../widgets/lamp.js";
import { Shape } from "../widgets/shape.js";
import { Tags } from "../widgets/tags.js";
import { assess } from "../widgets/tile.js";
import { Timeline } from "../widgets/timeline.js";
import { Trend } from "../widgets/trend.js";

const FIRST_TRENDS = 3;
const EVENTS_SHOWN = 20;
const KEYS = {
  ArrowLeft: (span, now) => spans.move(span, -0.25, now),
  ArrowRight: (span, now) => spans.move(span, 0.25, now),
  "+": (span, now) => spans.zoom(span, 0.5, now),
  "-": (span, now) => spans.zoom(span, 2, now),
  0: () => spans.following(spans.LENGTHS_MS[1]),
};

/** The headline and the next numbers that move. */
function firstTrends(machine) {
  const moving = machine.tags.filter((tag) => tag.kind === "number" && tag.deadband);
  const names = [machine.headline, ...moving.map((tag) => tag.name)]
    .filter((name) => name && store.tagOf(machine, name).kind === "number");
  return [...new Set(names)].slice(0, FIRST_TRENDS);
}

function Head({ machine, live, isHeard }) {
  const facts = assess(machine, live, isHeard);
  const since = stateSince(machine.name);
  const why = live && live.state === "offline" ? [reason(live.reason), live.detail].filter(Boolean).join(" · ") : "";
  return html`<header class=${`head ${facts.tone}`}>
    ${machine.state && html`<${Lamp} lit=${facts.looks.lamp} />`}
    <div><h1>${titleOf(machine)}</h1>
      <p class="mono">${machine.name} · ${machine.area} · <${Link} to="/bus">${machine.link}<//> · ${t("bus.unit")} ${machine.unit_id}</p></div>
    <p class="state"><${Shape} name=${facts.looks.shape} /> ${facts.looks.raw || t(`state.${facts.looks.word}`)}
      ${since && !facts.isGone && html` <small>${t("state.since", { n: format.duration(store.now() - since) })}</small>`}
      ${why && html` <small>${why}</small>`}</p>
    ${live && html`<dl class="facts">
      <div><dt>${t("bus.pace")}</dt><dd>${format.number(live.achieved_ms)} / ${format.number(machine.every_ms)} ms</dd></div>
      <div><dt>${t("machine.polls")}</dt><dd>${format.number(live.polls)}</dd></div>
      <div><dt>${t("machine.failed")}</dt><dd>${format.number(live.failed)}</dd></div>
      <div><dt>${t("machine.missed")}</dt><dd>${format.number(live.missed)}</dd></div></dl>`}
  </header>`;
}

function Controls({ span, setSpan }) {
  const change = (key) => setSpan((old) => KEYS[key](old, Math.round(store.now())));
  const isLive = spans.isFollowing(span);
  return html`<div class="controls">
    <div role="group" aria-label=${t("trend.span")}>${spans.LENGTHS_MS.map((length) => html`<button type="button"
      aria-pressed=${isLive && span.length === length ? "true" : "false"}
      onClick=${() => setSpan(spans.following(length))}>${format.duration(length)}</button>`)}</div>
    <div role="group" aria-label=${t("trend.zoom")}>
      <button type="button" title=${t("trend.back")} aria-label=${t("trend.back")} onClick=${() => change("ArrowLeft")}>◀</button>
      <button type="button" title=${t("trend.in")} aria-label=${t("trend.in")} onClick=${() => change("+")}>+</button>
      <button type="button" title=${t("trend.out")} aria-label=${t("trend.out")} onClick=${() => change("-")}>−</button>
      <button type="button" title=${t("trend.forth")} aria-label=${t("trend.forth")} onClick=${() => change("ArrowRight")}>▶</button>
    </div>
    <p class="hint">${isLive ? t("trend.live") : t("trend.still")} · ${t("trend.hint")}</p>
  </div>`;
}

/** Counts up while the span follows the present: more often the shorter it is. */
function useBeat(span) {
  const [beat, setBeat] = useState(0);
  useEffect(() => {
    if (!spans.isFollowing(span)) {
      return undefined;
    }
    const timer = setInterval(() => setBeat((old) => old + 1), Math.max(2000, span.length / 600));
    return () => clearInterval(timer);
  }, [span]);
  return beat;
}

function Past({ machine, shown }) {
  const [span, setSpan] = useState(spans.following(spans.LENGTHS_MS[1]));
  const beat = useBeat(span);
  const key = (event) => {
    if (KEYS[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      setSpan((old) => KEYS[event.key](old, Math.round(store.now())));
    }
  };
  const zoomTo = (from, to) => setSpan(spans.between(from, to));
  return html`<section class="past" tabindex="0" onKeyDown=${key} aria-label=${`${t("machine.past")}. ${t("trend.hint")}`}>
    <${Controls} span=${span} setSpan=${setSpan} />
    ${machine.state && html`<h2>${t("machine.states")}</h2>
      <${Timeline} machine=${machine} span=${span} beat=${beat} />`}
    <h2>${t("machine.trends")}</h2>
    ${shown.map((name) => html`<${Trend} key=${name} machine=${machine} tag=${store.tagOf(machine, name)}
      normal=${name === machine.headline ? machine.normal : null} span=${span} beat=${beat} zoomTo=${zoomTo} />`)}
  </section>`;
}

const pick = (all) => all;

export function View({ factory, machine: name }) {
  const machine = store.machineOf(factory, name);
  const { live, link, events } = store.useStore(pick);
  useSecond();
  const [shown, setShown] = useState(() => (machine ? firstTrends(machine) : []));
  if (!machine) {
    return html`<p class="lost">${t("page.lost")}</p>`;
  }
  const toggle = (tag) => setShown((old) => (old.includes(tag) ? old.filter((one) => one !== tag) : [...old, tag]));
  const own = events.filter((event) => event.machine === name).slice(0, EVENTS_SHOWN);
  const mine = live && live.machines[name];
  return html`<div class="sheet">
    <${Head} machine=${machine} live=${mine} isHeard=${link === "open"} />
    <div class="two">
      <${Past} machine=${machine} shown=${shown} />
      <section><h2>${t("machine.tags")}</h2>
        <p class="hint">${t("machine.hint")}</p>
        <${Tags} machine=${machine} live=${mine} shown=${shown} toggle=${toggle} language=${language()} />
        <h2>${t("machine.events")}</h2><${EventList} events=${own} factory=${factory} /></section>
    </div></div>`;
}

// The wall: what is wrong is seen from eight metres; what is well stays grey.
import { html, useMemo } from "../html.js";
import { Link } from "../router.js";
import { useSecond } from "../second.js";
import * as store from "../store.js";
import { language, t, titleOf } from "../words.js";
import { EventList } from "../widgets/events.js";
import { Shape } from "../widgets/shape.js";
import { Strip } from "../widgets/strip.js";
import { Tile, assess, complaint } from "../widgets/tile.js";

const ORDER = ["alarm", "gone", "warn"];
const EVENTS_SHOWN = 6; // what fits in a tile

/** Columns for so many tiles on a wide screen: rows a third shorter than columns. */
function columnsFor(count) {
  return Math.max(2, Math.ceil(Math.sqrt(count * 1.6)));
}

function shapeOf({ side, looks, quality }) {
  if (side) {
    return side < 0 ? "low" : "high";
  }
  return looks.tone === "calm" || looks.tone === "rest" ? quality || "uncertain" : looks.shape;
}

/** Machines with the same trouble stand together: an emergency stop is one line, not twelve. */
function group(machines, live, isHeard) {
  const groups = new Map();
  for (const machine of machines) {
    const facts = assess(machine, live.machines[machine.name], isHeard);
    if (facts.tone !== "calm" && facts.tone !== "rest") {
      const text = complaint(facts, live.machines[machine.name]);
      const key = `${facts.tone} ${text}`;
      groups.set(key, groups.get(key) || { tone: facts.tone, text, shape: shapeOf(facts), members: [] });
      groups.get(key).members.push(machine);
    }
  }
  return [...groups.values()].sort((a, b) => ORDER.indexOf(a.tone) - ORDER.indexOf(b.tone));
}

/** One sentence for the whole hall. */
function Verdict({ machines, live, isHeard }) {
  const groups = group(machines, live, isHeard);
  if (!groups.length) {
    return html`<p class="verdict calm" role="status"><${Shape} name="good" />${t("wall.calm")}</p>`;
  }
  const count = groups.reduce((sum, one) => sum + one.members.length, 0);
  return html`<div class="verdict" role="status">
    <p>${t("wall.look", { n: count })}</p>
    <ul>${groups.map(({ tone, text, shape, members }) => html`<li key=${tone + text} class=${tone}>
      <${Shape} name=${shape} />
      ${members.map((machine) => html`<${Link} to=${`/m/${machine.name}`}>${titleOf(machine)}<//>`)}
      <span>${text}</span></li>`)}</ul>
  </div>`;
}

const pick = (all) => all;

export function Wall({ factory }) {
  const { live, link, events } = store.useStore(pick);
  const second = useSecond();
  const machines = useMemo(() => [...factory.machines].sort((a, b) => (a.name < b.name ? -1 : 1)), [factory]);
  if (!live) {
    return html`<p class="lost">${t("wall.waiting")}</p>`;
  }
  const isHeard = link === "open";
  const columns = columnsFor(machines.length);
  const spare = (columns - (machines.length % columns)) % columns;
  return html`<h1 class="hidden">${t("page.wall")}</h1>
    <${Verdict} machines=${machines} live=${live} isHeard=${isHeard} />
    <div class="tiles" style=${{ "--columns": columns, "--spare": spare }}>
      ${machines.map((machine) => html`<${Tile} key=${machine.name} machine=${machine}
        live=${live.machines[machine.name]} isHeard=${isHeard} second=${second} language=${language()} />`)}
      ${spare > 0 && html`<section class="recent"><h2>${t("wall.events")}</h2>
        <${EventList} events=${events.slice(0, EVENTS_SHOWN)} factory=${factory} /></section>`}
    </div>
    <${Strip} factory=${factory} live=${live} now=${store.now()} />`;
}

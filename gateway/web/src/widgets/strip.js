// The foot of the wall: broker, backlog, power, good parts, readings a second.
import { html, useEffect, useState } from "../html.js";
import { ask, query } from "../api.js";
import * as format from "../format.js";
import { ringOf } from "../recent.js";
import * as store from "../store.js";
import { t } from "../words.js";
import { Shape } from "./shape.js";
import { Spark } from "./spark.js";

const COUNT_AGAIN_MS = 60000;
const BROKER_SHAPES = { connected: "good", connecting: "wait", down: "broken" };

function Cell({ name, tone = "", children }) {
  return html`<section class=${`cell ${tone}`}><h2>${t(`wall.${name}`)}</h2>${children}</section>`;
}

/** What a counter gained from one reading to the next; below the last it began at 0 again. */
const growth = (last, value) => (value < last ? value : value - last);

/** What it gained between its points, and when and where it stood last. */
export function gained(points) {
  let sum = 0, last = null, time = 0;
  for (const point of points) {
    const value = point[3];
    if (typeof value === "number") {
      sum += last === null ? 0 : growth(last, value);
      [last, time] = [value, point[0]];
    }
  }
  return { sum, last, time };
}

/** Today's gain of a counter, kept up by the stream between two looks at the journal. */
function useToday(counter, live) {
  const [past, setPast] = useState(null);
  useEffect(() => {
    if (!counter) {
      return undefined;
    }
    const look = async () => {
      const to = Math.round(store.now());
      const from = new Date(to).setHours(0, 0, 0, 0);
      const answer = await ask(query("/api/history", { ...counter, from, to, points: 1440 }));
      if (!answer.error) {
        setPast({ ...gained(answer.points), isPart: answer.truncated });
      }
    };
    look();
    const timer = setInterval(look, COUNT_AGAIN_MS);
    return () => clearInterval(timer);
  }, [counter && counter.machine, counter && counter.tag]);
  const reading = counter && live.machines[counter.machine]
    && live.machines[counter.machine].values[counter.tag];
  if (!past) {
    return null;
  }
  // A reading that is older than what the journal said would pass for a reset.
  const isNewer = reading && typeof reading.v === "number" && past.last !== null && reading.t > past.time;
  return { count: past.sum + (isNewer ? growth(past.last, reading.v) : 0), isPart: past.isPart };
}

/** "≥ n" of what was not counted to its beginning. */
const atLeast = ({ count, isPart }) => `${isPart ? "≥ " : ""}${format.number(count)}`;

function Parts({ wall, live }) {
  const made = useToday(wall.good, live);
  const scrap = useToday(wall.scrap || null, live);
  const good = made && { count: made.count - (scrap ? scrap.count : 0), isPart: made.isPart };
  return html`<${Cell} name="good"><p class="big">${good ? atLeast(good) : "—"}</p>
    <p>${t("wall.today")}${scrap && html` · ${t("wall.scrap", { n: atLeast(scrap) })}`}</p><//>`;
}

function Power({ factory, live }) {
  const { power } = factory.wall;
  const tag = store.tagOf(store.machineOf(factory, power.machine), power.tag);
  const reading = live.machines[power.machine] && live.machines[power.machine].values[power.tag];
  const isKilo = tag.unit === "W";
  const isKnown = reading && reading.q !== "bad";
  const text = isKnown ? format.number(isKilo ? reading.v / 1000 : reading.v, isKilo ? 2 : 0) : "—";
  const ring = ringOf(power.machine, power.tag);
  return html`<${Cell} name="power"><p class="big">${text} <small>${isKilo ? "kW" : tag.unit}</small></p>
    <${Spark} ring=${ring} version=${ring.version} label=${t("wall.power")} /><//>`;
}

export function Strip({ factory, live, now }) {
  const { broker, backlog, rates } = live;
  const isDown = broker.state !== "connected";
  const wall = factory.wall || {};
  return html`<div class="strip">
    <${Cell} name="broker" tone=${isDown ? "warn" : ""}>
      <p class="big word"><${Shape} name=${BROKER_SHAPES[broker.state]} /> ${t(`broker.${broker.state}`)}</p>
      <p>${broker.url}</p><//>
    <${Cell} name="backlog" tone=${isDown ? "warn" : ""}>
      <p class="big">${format.number(backlog.count)} <small>${t("wall.samples")}</small></p>
      <p>${backlog.oldest && backlog.count > 0
        ? t("wall.oldest", { n: format.ago(now - backlog.oldest) }) : t("wall.empty")}</p><//>
    ${wall.power && html`<${Power} factory=${factory} live=${live} />`}
    ${wall.good && html`<${Parts} wall=${wall} live=${live} />`}
    <${Cell} name="rate"><p class="big">${format.number(rates.readings_per_s)} <small>${t("wall.second")}</small></p>
      <p>${format.number(rates.samples_per_s)} ${t("wall.samples")}${t("wall.second")}</p><//>
  </div>`;
}

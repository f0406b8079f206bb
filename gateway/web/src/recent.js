// What the wall remembers: fifteen minutes of each headline, and since when each state lasts.
// Kept up by the stream, and filled from the journal again whenever the stream begins anew: what
// happened in between is not known otherwise. As large after a day as at the start.
import { ask, query } from "./api.js";
import { Ring } from "./ring.js";
import * as store from "./store.js";

const SPAN_MS = 15 * 60000;
const BUCKETS = 180;
const STATE_SPAN_MS = 3600000;

const rings = new Map(); // "machine/tag": Ring
const lastGood = new Map(); // machine: the newest reading of its headline that was no lie
const states = new Map(); // machine: {word, since}

export function ringOf(machine, tag) {
  const key = `${machine}/${tag}`;
  if (!rings.has(key)) {
    rings.set(key, new Ring(SPAN_MS, BUCKETS));
  }
  return rings.get(key);
}

export function stateSince(machine) {
  const state = states.get(machine);
  return state && state.since;
}

export function lastGoodOf(machine) {
  return lastGood.get(machine);
}

export function wantedTags(factory) {
  const wanted = factory.machines.filter((machine) => machine.headline)
    .map((machine) => ({ machine: machine.name, tag: machine.headline }));
  const { power } = factory.wall || {};
  return power ? [...wanted, power] : wanted;
}

async function fillRing({ machine, tag }) {
  const to = Math.round(store.now());
  const answer = await ask(query("/api/history", {
    machine, tag, from: to - SPAN_MS, to, points: BUCKETS,
  }));
  if (!answer.error) {
    ringOf(machine, tag).fill(answer.points.filter((point) => typeof point[3] === "number" || point[4] === 2));
  }
}

async function fillState(machine) {
  const begun = beginning;
  const to = Math.round(store.now());
  const answer = await ask(query("/api/history", {
    machine: machine.name, tag: machine.state, from: to - STATE_SPAN_MS, to, points: 500,
  }));
  const newest = !answer.error && begun === beginning && answer.points[answer.points.length - 1];
  const known = states.get(machine.name);
  if (newest && (!known || (known.isGuess && known.word === newest[3]))) {
    states.set(machine.name, { word: newest[3], since: newest[0] });
  }
}

/** From the journal, until the stream begins anew. */
async function fill(factory, begun) {
  const steps = [...wantedTags(factory).map((wanted) => () => fillRing(wanted)),
    ...factory.machines.filter((one) => one.state).map((machine) => () => fillState(machine))];
  for (const step of steps) {
    if (begun !== beginning) {
      return;
    }
    await step();
  }
  store.set({});
}

function followHeadline(machine, live) {
  const reading = machine.headline && live.values[machine.headline];
  if (reading && reading.q !== "bad") {
    lastGood.set(machine.name, reading);
  }
}

function followState(machine, live) {
  const reading = machine.state && live.values[machine.state];
  const known = states.get(machine.name);
  if (reading && (!known || known.word !== reading.v)) {
    states.set(machine.name, { word: reading.v, since: reading.t, isGuess: !known });
  }
}

let seen = null;
let learned = null; // the factory
let beginning = null; // a part of the newest whole message, which no change replaces

/** Takes what the newest message brought. */
export function follow() {
  const { factory, live } = store.get();
  if (!factory || !live || (live === seen && factory === learned)) {
    return;
  }
  const isNew = factory !== learned || live.gateway !== beginning;
  [seen, learned, beginning] = [live, factory, live.gateway];
  if (isNew) {
    states.clear();
  }
  for (const { machine, tag } of wantedTags(factory)) {
    const reading = live.machines[machine] && live.machines[machine].values[tag];
    if (reading && (typeof reading.v === "number" || reading.q === "bad")) {
      ringOf(machine, tag).add(reading.t, reading.v === null ? 0 : reading.v, reading.q === "bad");
    }
  }
  for (const machine of factory.machines) {
    if (live.machines[machine.name]) {
      followState(machine, live.machines[machine.name]);
      followHeadline(machine, live.machines[machine.name]);
    }
  }
  if (isNew) {
    fill(factory, beginning);
  }
}

// All that the page knows, and who wants to hear of it. Objects are never changed in place: a
// message makes new ones along its path only, so that `===` tells what moved.
import { useEffect, useState } from "./lib/hooks.js";

const EVENTS_MAX = 200;
const listeners = new Set();
let all = {
  factory: null, // GET /api/factory, once
  live: null, // newest readings and states, from the stream
  events: [], // newest first
  link: "connecting", // to the gateway: connecting, open, lost
  ahead: 0, // ms by which the gateway's clock is before ours
};

export function get() {
  return all;
}

export function set(change) {
  all = { ...all, ...change };
  for (const listener of [...listeners]) {
    listener();
  }
}

export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What `select` takes of it all; the component is drawn again when that is another. */
export function useStore(select) {
  const [value, setValue] = useState(() => select(all));
  useEffect(() => {
    const look = () => setValue(() => select(all));
    look();
    return listen(look);
  }, [select]);
  return value;
}

function isPlain(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** `old` with `change` laid over it, recursively; neither is altered. */
export function merge(old, change) {
  const result = { ...old };
  for (const [key, value] of Object.entries(change)) {
    result[key] = isPlain(value) && isPlain(result[key]) ? merge(result[key], value) : value;
  }
  return result;
}

export function addEvent(event) {
  set({ events: [event, ...all.events].slice(0, EVENTS_MAX) });
}

/** The gateway's time now, in epoch ms. */
export function now() {
  return Date.now() + all.ahead;
}

export function machineOf(factory, name) {
  return factory.machines.find((machine) => machine.name === name);
}

export function tagOf(machine, name) {
  return machine && machine.tags.find((tag) => tag.name === name);
}

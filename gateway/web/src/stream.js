// The stream of newest values: connects, merges what comes, and says when nothing comes any more.
import { ask } from "./api.js";
import { parse } from "./exact.js";
import * as store from "./store.js";

// The gateway sends its time every 5 s at least; an outage must not look like calm.
const SILENCE_MS = 12000;
const RETRY_MS = 1000;
const EVENTS_MAX = 200; // as many as the store keeps
let heard = 0;

function take(live) {
  heard = Date.now();
  store.set({ live, link: "open", ahead: live.time - Date.now() });
}

/** Both lists as one, newest first: what the stream brought stays, and nothing stands there twice. */
export function mergeEvents(told, known) {
  const keyOf = ({ time, machine, name }) => JSON.stringify([time, machine, name]);
  const keys = new Set(told.map(keyOf));
  const others = known.filter((event) => !keys.has(keyOf(event)));
  return [...others, ...told].sort((a, b) => b.time - a.time).slice(0, EVENTS_MAX);
}

async function learnEvents() {
  const told = await ask("/api/events");
  if (told.error) {
    setTimeout(learnEvents, RETRY_MS);
    return;
  }
  store.set({ events: mergeEvents(told.events, store.get().events) });
}

/** What does not change in a run; after a restart of the gateway it may be another. */
async function learn() {
  const factory = await ask("/api/factory");
  if (factory.error) {
    setTimeout(learn, RETRY_MS);
    return;
  }
  store.set({ factory });
}

/** Comes at first, and whenever messages were missed: the events among them are asked for. */
function takeState(message) {
  const state = parse(message.data);
  const { factory } = store.get();
  take(state);
  learnEvents();
  if (factory && state.gateway && state.gateway.run !== factory.run) {
    learn();
  }
}

function takeChange(message) {
  const { live } = store.get();
  if (live) {
    take(store.merge(live, parse(message.data)));
  }
}

function connect() {
  const source = new EventSource("/api/stream");
  source.addEventListener("state", takeState);
  source.addEventListener("change", takeChange);
  source.addEventListener("event", (message) => store.addEvent(parse(message.data)));
  source.addEventListener("error", () => {
    store.set({ link: "lost" });
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(connect, RETRY_MS);
    }
  });
}

function watch() {
  if (store.get().link === "open" && Date.now() - heard > SILENCE_MS) {
    store.set({ link: "lost" });
  }
}

export function start() {
  connect();
  learn();
  setInterval(watch, 1000);
}

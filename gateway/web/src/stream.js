// The stream of newest values: connects, merges what comes, and says when nothing comes any more.
import { ask } from "./api.js";
import { parse } from "./exact.js";
import * as store from "./store.js";

// The gateway sends its time every 5 s at least; an outage must not look like calm.
const SILENCE_MS = 12000;
const RETRY_MS = 1000;
let source = null;
let heard = 0;

function take(live) {
  heard = Date.now();
  store.set({ live, link: "open", ahead: live.time - Date.now() });
}

function lost() {
  if (store.get().link === "open") {
    store.set({ link: "lost" });
  }
}

/** After a restart of the gateway its factory may be another. */
async function learn() {
  const factory = await ask("/api/factory");
  if (factory.error) {
    return false;
  }
  store.set({ factory });
  const told = await ask("/api/events");
  if (!told.error) {
    store.set({ events: told.events });
  }
  return true;
}

async function connect() {
  if (!(await learn())) {
    store.set({ link: "lost" });
    setTimeout(connect, RETRY_MS);
    return;
  }
  source = new EventSource("/api/stream");
  source.addEventListener("state", (message) => {
    const state = parse(message.data);
    const known = store.get().factory;
    take(state);
    if (known && state.gateway && state.gateway.run !== known.run) {
      learn();
    }
  });
  source.addEventListener("change", (message) => {
    const { live } = store.get();
    if (live) {
      take(store.merge(live, parse(message.data)));
    }
  });
  source.addEventListener("event", (message) => store.addEvent(parse(message.data)));
  source.addEventListener("open", () => { heard = Date.now(); });
  source.addEventListener("error", () => {
    lost();
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(connect, RETRY_MS);
    }
  });
}

function watch() {
  if (Date.now() - heard > SILENCE_MS) {
    lost();
  }
}

export function start() {
  connect();
  setInterval(watch, 1000);
}

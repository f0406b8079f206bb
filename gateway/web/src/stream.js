// The stream of newest values: connects, merges what comes, and says when nothing comes any more.
import { ask } from "./api.js";
import { parse } from "./exact.js";
import * as store from "./store.js";

// The gateway sends its time every 5 s at least; an outage must not look like calm.
const SILENCE_MS = 12000;
const RETRY_MS = 1000;
let heard = 0;

function take(live) {
  heard = Date.now();
  store.set({ live, link: "open", ahead: live.time - Date.now() });
}

/** What does not change in a run; after a restart of the gateway it may be another. */
async function learn() {
  const factory = await ask("/api/factory");
  if (factory.error) {
    setTimeout(learn, RETRY_MS);
    return;
  }
  store.set({ factory });
  const told = await ask("/api/events");
  if (!told.error) {
    store.set({ events: told.events });
  }
}

function takeState(message) {
  const state = parse(message.data);
  const { factory } = store.get();
  take(state);
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

// Light at first, and no heavier after a day.
import { PAGES, assert, fakeStream, settled } from "../world.mjs";

const WEIGHT_LIMIT = 200000; // bytes, all pages together, compressed
const PAINT_LIMIT_MS = 1000;
const MESSAGES = 3000;
const DAY_MS = 86400000;
const GROWTH_LIMIT = 2000000; // bytes of heap between a tenth of a day and the whole

/** So many messages, evenly over so long; every reading of every machine moves. */
function play(page, messages, lengthMs) {
  return page.evaluate(async ([count, length]) => {
    window.state = window.state || await (await fetch("/api/live")).json();
    const { state } = window;
    window.feed("state", JSON.stringify(state));
    const names = Object.keys(state.machines);
    for (let index = 0; index < count; index += 1) {
      state.time += Math.round(length / count);
      const machines = {};
      for (const name of names) {
        const values = {};
        for (const [tag, reading] of Object.entries(state.machines[name].values)) {
          const v = typeof reading.v === "number" ? reading.v + Math.sin(index / 9) : reading.v;
          values[tag] = { v, q: index % 97 === 0 ? "bad" : "good", r: "timeout", t: state.time };
        }
        machines[name] = { seq: index, time: state.time, values };
      }
      window.feed("change", JSON.stringify({ time: state.time, machines, backlog: { count: index % 500 } }));
      if (index % 10 === 0) {
        window.feed("event", JSON.stringify({ time: state.time, machine: names[0], name: "link-lost", members: {} }));
      }
      if (index % 40 === 0) {
        await new Promise((done) => { setTimeout(done); });
      }
    }
  }, [messages, lengthMs]);
}

async function heap(client) {
  await client.send("HeapProfiler.collectGarbage");
  const { usedSize } = await client.send("Runtime.getHeapUsage");
  const { nodes } = await client.send("Memory.getDOMCounters");
  return { usedSize, nodes };
}

export const checks = {
  "the wall is painted within a second": async (world) => {
    const page = await world.tab("/", { prepare: (tab) => tab.addInitScript(() => {
      const watch = new MutationObserver(() => {
        if (!window.painted && document.querySelector(".tile .value")) {
          requestAnimationFrame(() => { window.painted = performance.now(); });
        }
      });
      watch.observe(document, { childList: true, subtree: true });
    }) });
    const painted = await (await page.waitForFunction(() => window.painted)).jsonValue();
    const [first] = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint").map((one) => one.startTime));
    console.error(`first paint after ${Math.round(first)} ms, the tiles after ${Math.round(painted)} ms`);
    assert.ok(painted < PAINT_LIMIT_MS, `${painted} ms`);
    await page.end();
  },
  "all of the page weighs less than 200 kB": async (world) => {
    const sizes = new Map();
    for (const route of PAGES) {
      const page = await world.tab(route, {
        prepare: (tab) => tab.on("response", async (response) => {
          const length = Number(response.headers()["content-length"] || 0);
          if (!response.url().includes("/api/")) {
            sizes.set(response.url().replace(/\/(m|trace|bus|topics|lab)(\/.*)?$/, "/"), length);
          }
        }),
      });
      await settled(page);
      await page.end();
    }
    const sum = [...sizes.values()].reduce((all, one) => all + one, 0);
    console.error(`${sizes.size} files, ${sum} bytes compressed`);
    assert.ok(sizes.size > 20 && [...sizes.values()].every((size) => size > 0), "each answer tells its length");
    assert.ok(sum < WEIGHT_LIMIT, `${sum} bytes`);
  },
  "a day on the wall does not fill the tab": async (world) => {
    const page = await world.tab("/", { prepare: fakeStream });
    await page.waitForFunction(() => window.feed);
    const client = await page.context().newCDPSession(page);
    await play(page, MESSAGES / 10, DAY_MS / 10);
    await settled(page);
    const early = await heap(client);
    await play(page, MESSAGES, DAY_MS);
    const late = await heap(client);
    console.error(`heap ${early.usedSize} -> ${late.usedSize} bytes, nodes ${early.nodes} -> ${late.nodes}`);
    assert.ok(late.usedSize - early.usedSize < GROWTH_LIMIT, JSON.stringify({ early, late }));
    assert.ok(late.nodes < early.nodes * 1.5 + 200, JSON.stringify({ early, late }));
    assert.deepEqual(page.complaints, []);
    await page.end();
  },
};

// The page while things happen: a broker away, a PLC dead, a scenario let loose, a curve zoomed, a
// line copied and run.
import { assert, settled } from "../world.mjs";

const count = (page) => page.evaluate(() => Number(document.querySelector(".banner .count b").textContent.replace(/\D/g, "")));

async function zoomed(page) {
  return page.evaluate(() => {
    const { from, to } = document.querySelector(".trend").dataset;
    return Number(to) - Number(from);
  });
}

async function span(page, least, most, what) {
  try {
    await page.waitForFunction(([low, high]) => {
      const { from, to } = document.querySelector(".trend").dataset;
      return to - from >= low && to - from <= high;
    }, [least, most], { timeout: 15000 });
  } catch (error) {
    assert.fail(`${what}: the span is ${await zoomed(page)} ms: ${error}`);
  }
}

async function copied(page, name) {
  await page.click(`[data-copy=${name}] button`);
  return page.evaluate(() => navigator.clipboard.readText());
}

async function openTopic(world) {
  const page = await world.tab("/topics", { prepare: (_, context) => context.grantPermissions(["clipboard-read", "clipboard-write"]) });
  await settled(page);
  await page.click(".chips button:has-text('CNC mill')");
  await page.click(".leaf:has-text('samples')");
  await page.waitForFunction(() => document.querySelector("[data-copy=shell] pre").textContent.includes("m3_mill/samples"));
  return page;
}

/** A stream that ends and begins anew, and what the gateway says had happened meanwhile. */
async function missing(page) {
  const asked = { count: 0 };
  const event = (time, name) => ({ time, machine: "m3_mill", name, members: {} });
  const told = [[event(1000, "link-lost")],
    [...Array.from({ length: 40 }, (_, index) => event(3000 - index, `e${index}`)), event(2000, "arrived"), event(1000, "link-lost")]];
  await page.addInitScript(() => {
    window.EventSource = class extends EventTarget {
      constructor() {
        super();
        window.feed = (name, data) => this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
      }
    };
  });
  await page.route("**/api/events", async (route) => {
    const events = told[Math.min(asked.count, 1)];
    asked.count += 1;
    if (asked.count > 1) { // while the page waits, the stream brings one of them and a newer one
      await page.evaluate((list) => list.forEach((one) => window.feed("event", one)), [event(2000, "arrived"), event(4000, "newer")]);
    }
    await route.fulfill({ json: { events } });
  });
}

export const checks = {
  "forty events that the stream skipped are seen": async (world) => {
    const page = await world.tab("/", { prepare: missing });
    await page.waitForFunction(() => window.feed);
    const seen = () => page.evaluate(async () => (await import("/assets/store.js")).get().events.map(({ name }) => name));
    const state = () => page.evaluate(async () => window.feed("state", await (await fetch("/api/live")).json()));
    const until = (count) => page.waitForFunction(async (wanted) => (await import("/assets/store.js")).get().events.length === wanted, count, { timeout: 5000 });
    await state();
    await until(1);
    await state();
    await until(43);
    assert.deepEqual(await seen(), ["newer", ...Array.from({ length: 40 }, (_, index) => `e${index}`), "arrived", "link-lost"]);
    await page.end();
  },
  "a trend is zoomed by dragging and by keys": async (world) => {
    const page = await world.tab("/m/m3_mill");
    await settled(page);
    await page.waitForSelector(".trend .u-over");
    await span(page, 900000, 900000, "at first");
    const box = await page.locator(".trend .u-over").first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 45, { steps: 4 });
    await page.mouse.up();
    await span(page, 200000, 250000, "dragged over a quarter");
    await page.focus(".past");
    await page.keyboard.press("-");
    await span(page, 400000, 500000, "zoomed out once");
    await page.keyboard.press("+");
    await page.keyboard.press("+");
    await span(page, 100000, 125000, "zoomed in twice");
    await page.keyboard.press("0");
    await span(page, 900000, 900000, "back to live");
    assert.deepEqual(page.complaints, []);
    await page.end();
  },
  "what is copied works": async (world) => {
    const page = await openTopic(world);
    const shell = await copied(page, "shell");
    assert.match(await world.ask("run", "bash", shell), /^\S+\/m3_mill\/samples \{"seq":/);
    const python = await copied(page, "python");
    assert.match(await world.ask("run", "python", python), /^\S+\/m3_mill\/samples \{"seq":/);
    const flow = JSON.parse(await copied(page, "nodered"));
    const listener = flow.find((node) => node.type === "mqtt in");
    const broker = flow.find((node) => node.id === listener.broker);
    assert.match(listener.topic, /\/m3_mill\/samples$/);
    assert.equal(`${broker.broker}:${broker.port}`, await world.ask("broker"));
    assert.ok(flow.some((node) => node.id === listener.wires[0][0] && node.type === "debug"));
    assert.ok(await page.locator(".qr path").getAttribute("d"));
    await page.end();
  },
  "the backlog is seen to grow and to drain": async (world) => {
    const page = await world.tab("/");
    await settled(page);
    await world.ask("stop-broker");
    await page.waitForSelector(".banner.warn .count b", { timeout: 10000 });
    const first = await count(page);
    await page.waitForFunction((least) => Number(document.querySelector(".banner .count b").textContent.replace(/\D/g, "")) > least + 20,
      first, { timeout: 10000 });
    const most = await count(page);
    await world.ask("start-broker");
    await page.waitForSelector(".banner.note", { timeout: 10000 });
    await page.waitForFunction(() => document.querySelector(".cell:nth-child(2) .big").textContent.trim().startsWith("0 "), null, { timeout: 10000 });
    assert.ok(most > first);
    await page.end();
  },
  "today's parts are never more than was counted, and say when they are fewer": async (world) => {
    const short = (page) => page.route("**/api/history?*points=1440", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...await answer.json(), truncated: true } });
    });
    const page = await world.tab("/", { prepare: short });
    await settled(page);
    await page.waitForFunction(() => [...document.querySelectorAll(".cell .big")].some((cell) => /^≥ [\d,]+$/.test(cell.textContent)), null, { timeout: 5000 });
    const gain = (...values) => page.evaluate(async (list) => (await import("/assets/widgets/strip.js"))
      .gained(list.map((value, at) => [at, value, value, value, value === null ? 2 : 0])), values);
    assert.deepEqual(await gain(5, 7, null, 9), { sum: 4, last: 9, time: 3 });
    assert.equal((await gain(5, 7, 3, 4)).sum, 6, "a counter that began anew has made its new parts");
    await page.end();
  },
  "an outage of the gateway is unknown on the timeline": async (world) => {
    const outage = (page) => page.route("**/api/history?*points=2000*", async (route) => {
      const from = Number(new URL(route.request().url()).searchParams.get("from"));
      const points = [[from, null, null, "execute", 0], [from + 60000, null, null, null, 2], [from + 850000, null, null, "execute", 0]];
      await route.fulfill({ json: { points, words: [], step_ms: 0 } });
    });
    const page = await world.tab("/m/m3_mill", { prepare: outage });
    await settled(page);
    await page.waitForSelector(".timeline .stretch.gone");
    const totals = (await page.locator(".totals li").allInnerTexts()).map((text) => text.replace(/\s+/g, " ").trim());
    assert.equal(totals.length, 2);
    assert.match(totals[0], /^Unknown 13 mins? 8/);
    assert.match(totals[1], /^Running 1 min 1/);
    await page.end();
  },
  "a scenario injected from the Lab is seen on the wall": async (world) => {
    const wall = await world.tab("/");
    await settled(wall);
    const lab = await world.tab("/lab");
    await settled(lab);
    assert.ok(await lab.locator("[data-scenario=P11] button").isDisabled(), "not without the PIN");
    await lab.fill(".pin input", "0000");
    await lab.click(".pin button");
    await lab.waitForSelector(".pin .problem");
    await lab.fill(".pin input", await world.ask("pin"));
    await lab.click(".pin button");
    await lab.waitForSelector(".pin", { state: "detached" });
    await lab.click("[data-scenario=P11] summary");
    await lab.click("[data-scenario=P11] button.strong");
    await lab.waitForSelector("[data-scenario=P11].active");
    await wall.waitForSelector(".tile.alarm[href='/m/m3_mill']", { timeout: 10000 });
    assert.match(await wall.innerText(".verdict"), /Fault/);
    await lab.click(".running .button:has-text('Clear')");
    await wall.waitForSelector(".tile.alarm[href='/m/m3_mill']", { state: "detached", timeout: 20000 });
    assert.match(await lab.innerText("aside"), /injected P11/);
    assert.deepEqual([...wall.complaints, ...lab.complaints.filter((line) => !line.includes("403"))], []);
    await wall.end();
    await lab.end();
  },
  "the right PIN is kept while others' guesses are waited out": async (world) => {
    const page = await world.tab("/lab");
    await settled(page);
    const guess = (value) => page.evaluate(async (given) => (await fetch("/api/lab", { headers: { "X-Lab-PIN": given } })).json(), value);
    for (let count = 0; count < 5; count += 1) {
      assert.equal((await guess("0000")).pin_pause_s, 0);
    }
    const right = await world.ask("pin");
    await page.fill(".pin input", right);
    await page.click(".pin button");
    await page.waitForSelector(".pin .pause");
    assert.match(await page.innerText(".pin .pause"), /again in \d+ secs?\.$/);
    const told = await guess(right);
    assert.ok(!told.pin_ok && told.pin_pause_s > 20 && told.pin_pause_s <= 30, "not looked at, and it is said for how long");
    assert.equal(await page.evaluate(() => sessionStorage.getItem("formlab.pin")), right);
    await page.waitForSelector(".pin", { state: "detached", timeout: 40000 });
    await page.end();
  },
  "a dead PLC changes its tile within two seconds": async (world) => {
    const page = await world.tab("/");
    await settled(page);
    await page.waitForFunction(() => document.querySelector(".tile[href='/m/m5_cobot']").matches(".calm, .rest"));
    await world.ask("kill-simulator");
    await page.waitForFunction(() => document.querySelector(".tile[href='/m/m5_cobot']").matches(".gone, .warn"), null, { timeout: 2000 });
    await page.waitForSelector(".tile.gone[href='/m/m5_cobot']", { timeout: 15000 });
    const trace = await world.tab("/trace/m4_oven/chamber_temp");
    await trace.waitForSelector(".trace .story", { timeout: 20000 });
    assert.match(await trace.innerText(".trace .result"), /→\s*—\s*°C$/, "nothing is read of a machine that is away");
    assert.deepEqual(trace.complaints, []);
    await trace.end();
    await world.ask("start-simulator");
    await page.waitForSelector(".tile.gone[href='/m/m5_cobot']", { state: "detached", timeout: 15000 });
    await page.end();
  },
};

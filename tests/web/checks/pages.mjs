// Every page, in each language, on the wall screen and on a phone.
import fs from "node:fs";
import { createRequire } from "node:module";
import { PAGES, PHONE, WIDE, assert, fakeStream, settled } from "../world.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const { WORDS, LANGUAGES } = await import(new URL("../../../gateway/web/src/words.js", import.meta.url));
const TITLES = { "/": "page.wall", "/m/m3_mill": "machine.tags", "/bus": "page.bus", "/topics": "page.topics",
  "/trace/m4_oven/chamber_temp": "page.trace", "/lab": "page.lab" };

/** Text that is a key of the table: a word that nobody wrote. */
function keysIn(text) {
  const prefixes = [...new Set(Object.keys(WORDS).map((key) => key.split(".")[0]))].join("|");
  return text.match(new RegExp(`(?<![\\w/.])(?:${prefixes})\\.[a-z][a-z.]*(?![\\w.])`, "g")) || [];
}

async function look(page, route, language) {
  const text = await page.evaluate(() => document.querySelector(".app").innerText);
  const title = WORDS[TITLES[route]][LANGUAGES.indexOf(language)];
  assert.ok(text.includes(title) || (await page.textContent("main")).includes(title), `${route} in ${language} says ${title}`);
  assert.deepEqual(keysIn(text), [], `${route} in ${language}`);
  assert.equal(await page.getAttribute("html", "lang"), language);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(beyond <= 0, `${route} in ${language} is ${beyond} px too wide`);
  assert.deepEqual(page.complaints, []);
}

async function judge(page, route) {
  await page.evaluate(fs.readFileSync(AXE, "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join("\n")}`);
  assert.deepEqual(serious, [], route);
}

async function visit(world, route, language, size) {
  const page = await world.tab(route, { language, size });
  await settled(page);
  await look(page, route, language);
  return page;
}

/** What /api/trace answers of a machine that is away; `more` is what it adds or says otherwise. */
const away = (more) => ({
  machine: "m4_oven", tag: "chamber_temp", request: null, reply: null, registers: [], bit: null, type: "float32", order: "CDAB",
  orders: [], sentinel: { absent: ["0x7FC00000"], over: [], under: [], hit: "" }, mask: null, raw: "", scale: "1", offset: "0",
  scale_tag: "", unit: "°C", value: null, row: null, steps: [], waiting: "machine", ...more,
});
const ASKED = { request: { sent_us: 1, bytes: "00 2A 00 00 00 06 11 03 00 64 00 02", fields: [] },
  reply: { answered_us: 2, duration_us: 500000, status: "timeout", exception: 0, bytes: "", fields: [] } };

export const checks = {
  ...Object.fromEntries(PAGES.map((route) => [`${route} speaks three languages, fits a phone, and everybody can use it`, async (world) => {
    const page = await visit(world, route, "en", WIDE);
    for (const language of ["fr", "de"]) {
      await page.click(`.languages button[lang=${language}]`);
      await page.waitForSelector(`html[lang=${language}]`);
      await look(page, route, language);
    }
    await judge(page, route);
    await page.setViewportSize(PHONE);
    await look(page, route, "de");
    await judge(page, `${route} on a phone`);
    await page.end();
  }])),
  "a machine that does not answer has no value to follow, and no zero": async (world) => {
    for (const [more, word] of [[{}, "—"], [{ quality: "bad", reason: "no-link" }, "no connection"], [{ ...ASKED, quality: "bad", reason: "timeout" }, "does not answer"]]) {
      const page = await world.tab("/trace/m4_oven/chamber_temp", { prepare: (tab) => tab.route("**/api/trace?*", (route) => route.fulfill({ json: away(more) })) });
      await settled(page);
      await page.waitForSelector(".trace .step-topic");
      assert.match(await page.innerText(".trace .result"), /^—\s*→\s*—\s*°C$/);
      const story = await page.innerText(".story");
      assert.ok(story.includes("Waits for the machine’s answer.") && story.includes(word), story);
      assert.ok(!story.includes(WORDS["sentinel.missed"][2]) && !story.includes(WORDS["trace.bit.why"][2]), story);
      await look(page, "/trace/m4_oven/chamber_temp", "en");
      await page.end();
    }
  },
  "a value's power of ten is told where another tag holds it": async (world) => {
    const read = { ...ASKED, registers: ["08FC"], type: "int16", order: "AB", orders: [{ order: "AB", value: "2304", is_chosen: true }], raw: "2304",
      scale_tag: "temp_sf", value: 230.4, quality: "good", reason: "", waiting: "journal" };
    const page = await world.tab("/trace/m4_oven/chamber_temp", { prepare: (tab) => tab.route("**/api/trace?*", (route) => route.fulfill({ json: away(read) })) });
    await settled(page);
    assert.match(await page.innerText(".step-scale"), /2304 × 10\^temp_sf = 230\.4 °C\s+The power of ten is in temp_sf/);
    assert.deepEqual(page.complaints, []);
    await page.end();
  },
  "a slow tag keeps its line when it is zoomed, and a lone reading is a dot": async (world) => {
    const page = await world.tab("/m/m3_mill", { prepare: (tab) => tab.route("**/api/history?*", (route) => {
      const to = Number(new URL(route.request().url()).searchParams.get("to"));
      return route.fulfill({ json: { step_ms: 1500, points: [[to - 450000, 5, 5, 5, 0]] } });
    }) });
    await page.waitForSelector(".trend[data-points='1'] .u-over");
    const { held, broken, dots } = await page.evaluate(async () => {
      const { columns, alone } = await import(document.querySelector("script[src]").src.replace("main.js", "widgets/trend.js"));
      const answer = { step_ms: 100, points: [[0, 1, 1, 1, 0], [10000, 2, 2, 2, 0], [20000, 3, 3, 3, 0]] };
      return { held: columns(answer, 10000)[3], broken: columns(answer, 1000)[3], dots: alone([1, null, 2, 3, null, 4]) };
    });
    assert.deepEqual([held, broken, dots], [[1, 2, 3], [1, null, 2, null, 3], [0, 5]]);
    const ink = await page.evaluate(() => {
      const canvas = document.querySelector(".trend canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((red, at) => at % 4 === 0 && red === 0x1f && data[at + 1] === 0x2a && data[at + 2] === 0x31).length;
    });
    assert.ok(ink >= 4 && ink < 40, `${ink} pixels of ink`);
    assert.deepEqual(page.complaints, []);
    await page.end();
  },
  "another machine's topics have no rate before the second look": async (world) => {
    let looks = 0;
    const page = await world.tab("/topics", { prepare: (tab) => tab.route("**/api/topics?*", async (route) => {
      const answer = await route.fetch();
      const { topics, ...rest } = await answer.json();
      looks += 1;
      await route.fulfill({ json: { ...rest, topics: topics.map((one) => ({ ...one, count: one.count + 5000000 })) } });
    }) });
    await settled(page);
    await page.click(".chips button:has-text('CNC mill')");
    await page.waitForFunction(() => document.querySelector(".tree .root").textContent.includes("m3_mill"));
    for (const before = looks; looks < before + 3;) {
      await page.waitForTimeout(100);
      const rates = await page.evaluate(() => [...document.querySelectorAll(".rate")].map((one) => Number(one.textContent.replace(/[^\d.]/g, ""))));
      assert.ok(rates.every((rate) => rate < 1000), `${rates}`);
    }
    await page.waitForFunction(() => [...document.querySelectorAll(".rate")].some((one) => /\d/.test(one.textContent)));
    await page.end();
  },
  "since when a state lasts is known on each page, and learned anew when the stream begins anew": async (world) => {
    const now = Date.now();
    let since = now - 600000;
    const page = await world.tab("/bus", { prepare: async (tab) => {
      await fakeStream(tab);
      await tab.route("**/api/history?*", (route) => route.fulfill({ json: { step_ms: 1000,
        points: route.request().url().includes("tag=state") ? [[since, null, null, "execute", 0]] : [] } }));
    } });
    await settled(page);
    const begin = () => page.evaluate(async (time) => {
      const state = await (await fetch("/api/live")).json();
      state.machines.m3_mill.values.state = { v: "execute", q: "good", r: "", t: time };
      window.feed("state", JSON.stringify(state));
    }, now);
    await page.evaluate(async () => { window.recent = await import("/assets/recent.js"); });
    const told = (time) => page.waitForFunction((wanted) => window.recent.stateSince("m3_mill") === wanted, time, { timeout: 5000 });
    await begin();
    await told(since);
    since = now - 5000;
    await begin();
    await told(since);
    assert.deepEqual(page.complaints, []);
    await page.end();
  },
  "a gateway that does not answer is told in the reader's language": async (world) => {
    for (const [route, api] of [["/bus", "bus"], ["/topics", "topics"], ["/m/m3_mill", "history"], ["/trace/m4_oven/chamber_temp", "trace"]]) {
      const page = await world.tab(route, { language: "fr", prepare: (tab) => tab.route(`**/api/${api}**`, (one) => one.abort()) });
      await page.waitForFunction((text) => document.querySelector("main").innerText.includes(text), WORDS["msg.unreachable"][0]);
      await page.end();
    }
  },
  "the choice of language is kept, and ?lang= wins": async (world) => {
    const page = await world.tab("/?lang=de", { language: "en" });
    await page.waitForSelector("html[lang=de]");
    await settled(page);
    await page.click(".languages button[lang=fr]");
    await page.goto(`${world.url}/bus`);
    await page.waitForSelector("html[lang=fr]");
    await page.end();
  },
  "the keyboard alone goes from the wall to a machine": async (world) => {
    const page = await visit(world, "/", "en", WIDE);
    await page.focus(".tile[href='/m/m3_mill']");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/m/m3_mill");
    await settled(page);
    await page.goBack();
    await page.waitForSelector(".tile");
    await page.end();
  },
  "a tile says its state in a word, a shape and a lamp": async (world) => {
    const page = await visit(world, "/", "en", WIDE);
    await page.waitForFunction(() => document.querySelectorAll(".tile .state .shape").length === 13);
    const tile = page.locator(".tile[href='/m/m3_mill']");
    await page.waitForFunction(() => document.querySelector(".tile[href='/m/m3_mill'] .lamp"));
    assert.match(await tile.locator(".state").innerText(), /\w/);
    assert.match(await tile.locator(".lamp").getAttribute("aria-label"), /^Stack light: /);
    assert.match(await page.textContent(".top"), /Simulated data/);
    await page.end();
  },
};

// What a check stands on: one browser, tabs that report every complaint, and a line to the scenario
// that runs the factory (tests/system/browser.py).
import assert from "node:assert/strict";
import { once } from "node:events";
import readline from "node:readline";
import { chromium } from "playwright-core";

const LOCALES = { fr: "fr-FR", de: "de-DE", en: "en-GB" };
export const WIDE = { width: 1920, height: 1080 };
export const PHONE = { width: 390, height: 844 };
export const PAGES = ["/", "/m/m3_mill", "/bus", "/topics", "/trace/m4_oven/chamber_temp", "/lab"];

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--js-flags=--expose-gc"];

export class World {
  static async open(url) {
    const world = new World();
    world.url = url;
    world.answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    world.browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
    return world;
  }

  /** Asks the scenario to do something to the factory; its answer. */
  async ask(what, ...values) {
    console.log(JSON.stringify({ ask: what, values }));
    const { value, done } = await this.answers.next();
    assert.ok(!done, "the scenario ended");
    const answer = JSON.parse(value);
    assert.ok(!("error" in answer), answer.error);
    return answer.value;
  }

  /** A tab of its own; `complaints` gathers what its console says. */
  async tab(path, { language = "en", size = WIDE, prepare = null } = {}) {
    const context = await this.browser.newContext({ viewport: size, locale: LOCALES[language] });
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => ["error", "warning"].includes(message.type())
      && complaints.push(`${path}: ${message.text()} (${message.location().url})`));
    page.on("pageerror", (error) => complaints.push(`${path}: ${error.stack}`));
    if (prepare) {
      await prepare(page, context);
    }
    await page.goto(this.url + path);
    return Object.assign(page, { complaints, end: () => context.close() });
  }

  async close() {
    await this.browser.close();
    process.stdin.destroy();
  }
}

/** Until the page shows its content, not that it loads. */
export async function settled(page) {
  await page.waitForSelector("main .tile, main .sheet", { timeout: 10000 });
  await page.waitForFunction(() => !document.querySelector("main .lost"), null, { timeout: 10000 });
}

/** The stream, played by the check: the page gets it where it asked for an EventSource. */
export function fakeStream(page) {
  return page.addInitScript(() => {
    window.EventSource = class extends EventTarget {
      static CLOSED = 2;

      constructor() {
        super();
        this.readyState = 1;
        window.feed = (name, data) => this.dispatchEvent(new MessageEvent(name, { data }));
      }
    };
  });
}

export { assert, once };

// The words: every key in three languages, no key without words, no words without a user.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { assert } from "../world.mjs";

const SOURCE = fileURLToPath(new URL("../../../gateway/web/src", import.meta.url));
const { WORDS, LANGUAGES } = await import(path.join(SOURCE, "words.js"));

function sources() {
  return fs.readdirSync(SOURCE, { recursive: true }).filter((name) => name.endsWith(".js") && name !== "words.js")
    .map((name) => fs.readFileSync(path.join(SOURCE, name), "utf8")).join("\n");
}

/** What t() and has() are called with: whole keys, and what begins a key that is put together. */
function used(text) {
  const whole = new Set(), begun = new Set();
  for (const [, plain, begin] of text.matchAll(/"([a-z]+\.[a-z.-]+)"|`([a-z]+\.(?:[a-z]+\.)*)\$\{/g)) {
    if (plain && plain.split(".")[0] !== "formlab") {
      whole.add(plain);
    } else if (begin) {
      begun.add(begin);
    }
  }
  return { whole, begun };
}

export const checks = {
  "every key has three languages and the same blanks": () => {
    for (const [key, row] of Object.entries(WORDS)) {
      assert.equal(row.length, LANGUAGES.length, key);
      const blanks = row.map((text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort().join());
      assert.ok(row.every((text) => text.trim()), `${key} is empty somewhere`);
      assert.equal(new Set(blanks).size, 1, `${key}: ${blanks}`);
    }
  },
  "every key that is asked for exists": () => {
    const missing = [...used(sources()).whole].filter((key) => !(key in WORDS) && !/\.js$/.test(key));
    assert.deepEqual(missing, []);
  },
  "every key is asked for": () => {
    const { whole, begun } = used(sources());
    const idle = Object.keys(WORDS).filter((key) => !whole.has(key) && ![...begun].some((start) => key.startsWith(start)));
    assert.deepEqual(idle, []);
  },
  "French and German are not left in English": () => {
    // Words that are the same in the trade.
    const same = /^(MQTT|Terminal|Python|Node-RED|Zoom|Gateway|Machines?|Offline|PIN|\/s|\?|transaction|Exceptions?|exception|Unit|unit|Quality|min |function|[Rr]eg|Pages|In$|{n})/;
    const left = Object.entries(WORDS).filter(([, [fr, de, en]]) => (fr === en || de === en) && !same.test(en)).map(([key]) => key);
    assert.deepEqual(left, []);
  },
};

// The page's own arithmetic, without a browser.
import { assert } from "../world.mjs";

const from = (name) => import(new URL(`../../../gateway/web/src/${name}.js`, import.meta.url));
const [exact, frame, ring, snippets, span, state, format, words, reason] = await Promise.all(
  ["exact", "frame", "ring", "snippets", "span", "state", "format", "words", "reason"].map(from));

export const checks = {
  "an integer beyond 2^53 keeps its digits": () => {
    const { a, b, c, p } = exact.parse('{"a":-9007199254740993,"b":9007199254,"c":[18446744073709551615,1],"p":"{\\"x\\":9007199254740993}"}');
    assert.deepEqual([a, b, c[0]], ["-9007199254740993", 9007199254, "18446744073709551615"]);
    assert.equal(p, '{"x":9007199254740993}');
  },
  "an integer's digits within a string are left alone": () => {
    const text = '{"a":"[9007199254740993]","b":"\\\\","c":[1,9007199254740993, -9007199254740993 ],"d":"\\":9007199254740993,","e":0.12345678901234567}';
    assert.deepEqual(exact.parse(text), { a: "[9007199254740993]", b: "\\", c: [1, "9007199254740993", "-9007199254740993"],
      d: '":9007199254740993,', e: 0.12345678901234567 });
  },
  "a frame comes apart into its fields": () => {
    const request = "00 2A 00 00 00 06 11 03 00 64 00 02";
    assert.deepEqual(frame.dissect(request).map(({ name, value }) => `${name}=${value}`),
      ["transaction=42", "protocol=0", "length=6", "unit=17", "function=3", "address=100", "count=2"]);
    const reply = frame.dissect("00 2A 00 00 00 07 11 03 04 41 C0 00 01", request, true);
    assert.deepEqual(reply.slice(-2).map(({ name, number, value }) => `${name} ${number}=${value}`),
      ["register 100=0x41C0", "register 101=0x0001"]);
    assert.equal(frame.dissect("00 2A 00 00 00 03 11 83 02", request, true).at(-1).name, "exception");
    assert.deepEqual(frame.dissect(""), []);
  },
  "a ring holds its span and no more": () => {
    const one = new ring.Ring(1000, 10);
    for (let time = 0; time < 100000; time += 7) {
      one.add(time, time);
    }
    assert.ok(one.buckets.length <= 10);
    assert.equal(one.buckets.at(-1).last, 99995);
    one.add(5, 0);
    assert.equal(one.buckets.at(-1).last, 99995, "an old reading changes nothing");
  },
  "a bad reading is a gap, not a zero": () => {
    const one = new ring.Ring(1000, 10);
    one.add(0, 5);
    one.add(150, 0, true);
    assert.deepEqual(one.range(), [5, 5]);
  },
  "the broker is where a reader reaches it": () => {
    assert.deepEqual(snippets.brokerOf("mqtt://127.0.0.1:18830", "192.168.1.20"), { host: "192.168.1.20", port: 18830, isSecure: false });
    assert.deepEqual(snippets.brokerOf("mqtts://broker.school", "192.168.1.20"), { host: "broker.school", port: 8883, isSecure: true });
  },
  "a topic with a quote is still one word of the shell": () => {
    assert.match(snippets.shell({ host: "h", port: 1 }, "it's"), /-t 'it'\\''s'$/);
  },
  "zooming keeps the middle and never passes the present": () => {
    const now = 1000000;
    const wide = span.zoom(span.between(0, 400000), 0.5, now);
    assert.deepEqual([wide.from, wide.to], [100000, 300000]);
    assert.ok(span.zoom(span.between(800000, 1000000), 4, now).to <= now);
    assert.ok(span.isFollowing(span.move(span.between(800000, 990000), 0.25, now)));
  },
  "a state has a shape, and a dead network is not a stopped machine": () => {
    const machine = { state: "state" };
    const live = (word) => ({ state: "online", values: { state: { v: word, q: "good" } } });
    const stopped = state.judge(machine, live("stopped"), true, 0, 0);
    const offline = state.judge(machine, { state: "offline", values: {} }, true, 0, 0);
    const silent = state.judge(machine, live("execute"), false, 0, 0);
    assert.deepEqual([stopped.tone, offline.tone, silent.tone], ["rest", "gone", "gone"]);
    assert.notEqual(stopped.shape, offline.shape);
    assert.equal(state.judge(machine, live("aborting"), true, 0, 0).lamp, "red");
    assert.equal(state.judge(machine, live("suspended"), true, 1, 2 + state.WAITING_LONG_MS).tone, "warn");
  },
  "numbers are written in the reader's manner": () => {
    const tag = { kind: "number", deadband: "", scale: "0.1", offset: "0", type: "int16" };
    const seen = words.LANGUAGES.map((code) => {
      words.choose(code);
      return format.value(tag, 1234.5).replace(/\s/g, "_");
    });
    assert.deepEqual(seen, ["1_234,5", "1.234,5", "1,234.5"]);
    assert.equal(format.value(tag, "-9223372036854775808"), "-9,223,372,036,854,775,808");
  },
  "a value scaled by another tag or a broken offset keeps its own digits": () => {
    words.choose("en");
    const plain = { kind: "number", deadband: "", scale: "1", offset: "0", type: "int16" };
    const shown = [
      [plain, 230], [plain, 230.4], [{ ...plain, scale_tag: "v_sf" }, 0.0025], [{ ...plain, type: "float32", scale_tag: "v_sf" }, 1e-7],
      [{ ...plain, deadband: "1", offset: "-273.15" }, 21.85], [{ ...plain, scale: "0.1", deadband: "1" }, 230.4], [{ ...plain, type: "float32" }, 1.23456],
    ].map(([tag, v]) => format.value(tag, v));
    assert.deepEqual(shown, ["230", "230.4", "0.0025", "0.0000001", "21.85", "230", "1.23"]);
  },
  "each reason has a word of its own, and a good state none": () => {
    words.choose("en");
    const codes = ["timeout", "no-link", "bad-reply", "exception-2", "not-a-number", "sentinel", "over-range", "under-range", "bad-encoding",
      "unit-dead", "refused", "unreachable", "closed", "interrupted", "limit"];
    const said = codes.map(reason.reason);
    assert.ok(said.every((text) => text && text !== words.t("reason.other")), `${said}`);
    assert.equal(new Set(said).size, codes.length);
    assert.deepEqual(["", "ok", "idle"].map(reason.reason), ["", "", ""]);
  },
  "a text of digits stays a text": () => {
    assert.equal(format.value({ kind: "text", type: "string16" }, "0001234567890123456"), "0001234567890123456");
  },
};

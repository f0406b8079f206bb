// How one value came from a register to a topic: nine steps of one real poll, with their times.
import { html, useEffect, useState } from "../html.js";
import { ask, query } from "../api.js";
import * as format from "../format.js";
import { problem, reason } from "../reason.js";
import { Link } from "../router.js";
import * as store from "../store.js";
import { t, titleOf } from "../words.js";
import { Frame } from "../widgets/frame.js";
import { Shape } from "../widgets/shape.js";

function Step({ number, name, took, children, wide, why }) {
  return html`<section class=${`step ${wide ? "wide" : ""} step-${name}`}>
    <h2><b>${number}</b> ${t(`trace.${name}`)}${took !== undefined && html` <small class="took">${format.micros(took)}</small>`}</h2>
    <p class="hint">${why || t(`trace.${name}.why`)}</p>
    ${children}</section>`;
}

/** The steps as one bar: widths grow with the root of the time, so that the short ones are seen. */
function Times({ steps }) {
  const total = steps.length ? steps[steps.length - 1].at_us + steps[steps.length - 1].took_us : 0;
  return html`<ol class="times" aria-label=${t("trace.times")}>${steps.map((step) => html`<li class=${step.name}
      style=${{ flexGrow: Math.round(Math.sqrt(step.took_us) + 12) }}>
      <span>${t(`time.${step.name}`)}</span><b>${format.micros(step.took_us)}</b></li>`)}
    <li class="sum"><span>${t("time.all")}</span><b>${format.micros(total)}</b></li></ol>`;
}

function Bits({ register, bit }) {
  const bits = parseInt(register, 16).toString(2).padStart(16, "0");
  return html`<div class="bits"><code>${register}</code>
    <span class="nibbles">${[0, 4, 8, 12].map((at) => html`<span>${[...bits.slice(at, at + 4)].map((one, index) => html`<i
      class=${bit === 15 - at - index ? "chosen" : one === "1" ? "set" : ""}>${one}</i>`)}</span>`)}</span></div>`;
}

const isMissing = (value) => value === null || value === undefined;

/** Whether the reply holds the tag's registers or its bit. */
const isRead = (trace) => trace.registers.length > 0 || !isMissing(trace.bit);

function Orders({ trace }) {
  if (!isRead(trace)) {
    return html`<p class="mono">— ${trace.type} ${trace.order}</p>`;
  }
  if (!trace.orders.length) {
    return html`<p>${t("trace.noorder")}</p><p class="mono">${trace.type}</p>`;
  }
  return html`<table class="orders"><thead><tr><th scope="col">${t("trace.order")}</th>
    <th scope="col">${t("trace.read")}</th></tr></thead>
    <tbody>${trace.orders.map(({ order, value, is_chosen: isChosen }) => html`<tr class=${isChosen ? "chosen" : ""}>
      <th scope="row" class="mono">${order}</th><td class="mono">${value}${isChosen && html` <${Shape} name="good" />
        <span>${t("trace.chosen")}</span>`}</td></tr>`)}</tbody></table>
    <p class="mono">${trace.type} ${trace.order}</p>`;
}

function Sentinel({ trace }) {
  const { absent = [], over = [], under = [], hit } = trace.sentinel || {};
  const rows = [["absent", absent], ["over", over], ["under", under]].filter(([, list]) => list.length);
  return html`${rows.length ? html`<ul>${rows.map(([name, list]) => html`<li class="mono">${list.join(" ")} ${t(`sentinel.${name}`)}</li>`)}</ul>`
    : html`<p>${t("sentinel.none")}</p>`}
    ${isRead(trace) ? html`<p class=${`outcome ${hit ? "warn" : ""}`}><${Shape} name=${hit ? "bad" : "good"} /> ${hit ? t("sentinel.hit") : t("sentinel.missed")}</p>`
    : html`<p class="mono">—</p>`}`;
}

const isAbsent = (trace) => isMissing(trace.value);

/** What the value waits for on its way: the machine, the journal, the broker. */
function Waiting({ trace }) {
  return html`<p class="outcome warn"><${Shape} name="wait" /> ${t(`trace.waiting.${trace.waiting || "broker"}`)}</p>`;
}

const isGiven = (text, neutral) => !isMissing(text) && text !== "" && text !== neutral;

/** What is done with the raw number, in order: mask, factor, power of ten, offset. */
function Sum({ trace }) {
  return html`${isGiven(trace.raw) ? trace.raw : "—"}${trace.mask && html` & ${trace.mask}`}${
    isGiven(trace.scale, "1") && html` × ${trace.scale}`}${isGiven(trace.scale_tag) && html` × 10^${trace.scale_tag}`}${
    isGiven(trace.offset, "0") && html` + ${trace.offset}`}`;
}

function Scale({ trace }) {
  if (isAbsent(trace)) {
    return html`<p class="sum mono">—</p><p>${t("trace.nonumber")}</p>`;
  }
  const isPlain = !isGiven(trace.scale, "1") && !isGiven(trace.scale_tag) && !isGiven(trace.offset, "0");
  const words = !isMissing(trace.word);
  return html`<p class="sum mono"><${Sum} trace=${trace} /> = <b>${String(words ? trace.word : trace.value)}</b> ${trace.unit}</p>
    ${isGiven(trace.scale_tag) && html`<p>${t("trace.exponent", { tag: trace.scale_tag })}</p>`}
    ${isPlain && !words && html`<p>${t("trace.plain")}</p>`}
    ${words && html`<p>${t("trace.words")}</p>`}`;
}

function Verdict({ trace }) {
  if (!trace.quality) {
    return html`<p class="mono">—</p><${Waiting} trace=${trace} />`;
  }
  const hasMin = !isMissing(trace.min), hasMax = !isMissing(trace.max);
  return html`${!hasMin && !hasMax ? html`<p>${t("trace.norange")}</p>`
    : !isAbsent(trace) && html`<p class="mono">${hasMin && `${trace.min} ≤ `}${String(trace.value)}${hasMax && ` ≤ ${trace.max}`}</p>`}
    <p class=${`outcome ${trace.quality === "good" ? "" : "warn"}`}><${Shape} name=${trace.quality} /> ${t(`quality.${trace.quality}`)}
      ${trace.reason && ` · ${reason(trace.reason)}`}</p>
    ${trace.waiting === "machine" && html`<${Waiting} trace=${trace} />`}`;
}

/** A payload with its own tag made to stand out. */
function Payload({ text, tag }) {
  const match = new RegExp(`"(?:${tag}|value)":(?:"[^"]*"|[^,}]+)`).exec(text || "");
  if (!match) {
    return html`<pre tabindex="0">${text}</pre>`;
  }
  return html`<pre tabindex="0">${text.slice(0, match.index)}<mark>${match[0]}</mark>${text.slice(match.index + match[0].length)}</pre>`;
}

function took(trace, name) {
  const step = trace.steps.find((one) => one.name === name);
  return step && step.took_us;
}

/** Registers in hexadecimal and bits; of one bit, its value. */
function Registers({ trace }) {
  return trace.registers.length ? trace.registers.map((register) => html`<${Bits} register=${register} bit=${trace.bit} />`)
    : html`<p class="big mono">${isRead(trace) ? trace.raw : "—"}</p>`;
}

/** Nothing was asked while the machine is away: `request` and `reply` are null then. */
function Story({ trace, tag }) {
  const request = trace.request || { bytes: "" };
  const reply = trace.reply || { bytes: "", fields: [] };
  const tagged = reply.fields.filter((field) => field.is_tag);
  const isSent = trace.steps.some((step) => step.name === "puback");
  return html`<div class="story">
    <${Step} number="1" name="request" wide=${true}><${Frame} hex=${request.bytes} /><//>
    <${Step} number="2" name="reply" wide=${true} took=${reply.duration_us}>
      <${Frame} hex=${reply.bytes} request=${request.bytes} isReply=${true} tagged=${tagged} /><//>
    <${Step} number="3" name="registers" why=${isMissing(trace.bit) ? "" : t("trace.bit.why")}><${Registers} trace=${trace} /><//>
    <${Step} number="4" name="orders"><${Orders} trace=${trace} /><//>
    <${Step} number="5" name="sentinel"><${Sentinel} trace=${trace} /><//>
    <${Step} number="6" name="scale" took=${took(trace, "decode")}><${Scale} trace=${trace} /><//>
    <${Step} number="7" name="quality"><${Verdict} trace=${trace} /><//>
    <${Step} number="8" name="journal" took=${took(trace, "commit")}>
      ${trace.row ? html`<p class="mono">seq ${trace.row.seq} · run ${trace.row.run}</p><${Payload} text=${trace.row.payload} tag=${tag.name} />`
      : html`<${Waiting} trace=${trace} />`}<//>
    <${Step} number="9" name="topic" took=${took(trace, "puback")}>
      ${trace.topic && html`<p class="mono topic">${trace.topic}</p><${Payload} text=${trace.payload} tag=${tag.name} />`}
      ${isSent ? html`<p class="outcome"><${Shape} name="good" /> ${t("trace.puback")}</p>` : html`<${Waiting} trace=${trace} />`}
      ${trace.now && html`<p class="mono topic">${trace.now.topic}</p><${Payload} text=${trace.now.payload} tag=${tag.name} />`}<//>
  </div>`;
}

function Choice({ factory, machine, tag }) {
  const known = store.machineOf(factory, machine);
  const go = (event) => history.pushState(null, "", event.target.value) || dispatchEvent(new PopStateEvent("popstate"));
  return html`<p class="choice">
    <label>${t("trace.machine")} <select onChange=${go}>${factory.machines.map((one) => html`<option
      value=${`/trace/${one.name}/${one.headline || one.tags[0].name}`} selected=${one.name === machine}>${titleOf(one)}</option>`)}</select></label>
    <label>${t("machine.tag")} <select onChange=${go}>${known.tags.map((one) => html`<option
      value=${`/trace/${machine}/${one.name}`} selected=${one.name === tag}>${titleOf(one)} (${one.name})</option>`)}</select></label></p>`;
}

export function View({ factory, machine: machineName, tag: tagName }) {
  const machine = store.machineOf(factory, machineName);
  const tag = machine && store.tagOf(machine, tagName);
  const [trace, setTrace] = useState(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isWanted = true;
    if (tag) {
      ask(query("/api/trace", { machine: machineName, tag: tagName })).then((told) => isWanted && setTrace(told));
    }
    return () => { isWanted = false; };
  }, [machineName, tagName, turn]);
  if (!tag) {
    return html`<p class="lost">${t("page.lost")}</p>`;
  }
  return html`<div class="sheet trace">
    <header class="head"><div><h1>${t("page.trace")}</h1>
        <p><${Link} to=${`/m/${machineName}`}>${titleOf(machine)}<//> · ${titleOf(tag)} <span class="mono">${tagName}</span></p></div>
      ${trace && !trace.error && html`<p class="result"><code>${trace.registers.join(" ") || trace.raw || "—"}</code> <span aria-hidden="true">→</span>
        <b>${isAbsent(trace) || trace.quality === "bad" ? "—" : format.value(tag, isMissing(trace.word) ? trace.value : trace.word)}</b> ${tag.unit}</p>`}
      <${Choice} factory=${factory} machine=${machineName} tag=${tagName} />
      <button type="button" class="button" onClick=${() => setTurn(turn + 1)}>${t("trace.again")}</button></header>
    ${!trace ? html`<p class="lost">${t("trace.arming")}</p>` : trace.error ? html`<p class="lost problem">${problem(trace)}</p>`
    : html`<${Times} steps=${trace.steps} /><${Story} trace=${trace} tag=${tag} />`}
  </div>`;
}

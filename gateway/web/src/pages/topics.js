// The MQTT side: every topic with its rate and last payload, and what to type to hear it.
import { html, useEffect, useRef, useState } from "../html.js";
import * as format from "../format.js";
import { usePoll } from "../poll.js";
import { problem } from "../reason.js";
import * as snippets from "../snippets.js";
import * as store from "../store.js";
import { t, titleOf } from "../words.js";
import { Copy } from "../widgets/copy.js";
import { QrCode } from "../widgets/qr.js";

const LOOK_MS = 2000;
const GATEWAY = "_gateway";

/** Topics by their branch below the machine: status, now, meta … in the order they come. */
export function branches(topics, prefix) {
  const found = new Map();
  for (const topic of topics) {
    const rest = topic.topic.slice(prefix.length + 1);
    const [branch] = rest.split("/");
    found.set(branch, [...(found.get(branch) || []), { ...topic, leaf: rest }]);
  }
  return [...found];
}

/** Messages a second of each topic that both looks know: the first count of a topic is no rate. */
function ratesBetween(before, now) {
  const seconds = Math.max(0.2, (now.time - before.time) / 1000);
  const isKnown = ([topic, count]) => typeof count === "number" && typeof before.counts.get(topic) === "number";
  return new Map([...now.counts].filter(isKnown)
    .map(([topic, count]) => [topic, Math.max(0, count - before.counts.get(topic)) / seconds]));
}

/** The rates between this look at the machine and the one before. */
function useRates(told, machine) {
  const before = useRef(null);
  const rates = useRef(new Map());
  useEffect(() => {
    before.current = null;
    rates.current = new Map();
  }, [machine]);
  useEffect(() => {
    if (told && told.topics) {
      const now = { time: Date.now(), counts: new Map(told.topics.map(({ topic, count }) => [topic, count])) };
      rates.current = before.current ? ratesBetween(before.current, now) : new Map();
      before.current = now;
    }
  }, [told]);
  return rates.current;
}

function prefixOf(factory, machine) {
  return machine === GATEWAY ? `${factory.root}/_gateway/${factory.gateway}` : store.machineOf(factory, machine).topic;
}

function Machines({ factory, chosen, choose }) {
  const all = [...[...factory.machines].sort((a, b) => (a.name < b.name ? -1 : 1)).map((machine) => [machine.name, titleOf(machine)]),
    [GATEWAY, t("event.gateway")]];
  return html`<nav class="chips" aria-label=${t("topics.machines")}>${all.map(([name, title]) => html`<button type="button"
    aria-pressed=${name === chosen ? "true" : "false"} onClick=${() => choose(name)}>${title}</button>`)}</nav>`;
}

function Leaf({ topic, rate, isChosen, choose }) {
  return html`<li><button type="button" class="leaf" aria-pressed=${isChosen ? "true" : "false"} onClick=${() => choose(topic.topic)}>
    <span class="mono name">${topic.leaf}</span>
    <span class="rate">${rate ? `${format.number(rate, rate < 10 ? 1 : 0)}${t("wall.second")}` : "·"}</span>
    <span class="retained" title=${t(topic.retained ? "topics.retained.why" : "topics.passing.why")}>${topic.retained ? `■ ${t("topics.retained")}` : `□ ${t("topics.passing")}`}</span>
    <code>${topic.payload}</code></button></li>`;
}

function Tree({ groups, rates, chosen, choose, prefix }) {
  return html`<div class="tree"><p class="mono root"><button type="button" class="leaf" aria-pressed=${chosen === `${prefix}/#` ? "true" : "false"}
      onClick=${() => choose(`${prefix}/#`)}>${prefix}/</button></p>
    ${groups.map(([branch, topics]) => (topics.length === 1 && topics[0].leaf === branch
      ? html`<ul class="single"><${Leaf} key=${topics[0].topic} topic=${topics[0]} rate=${rates.get(topics[0].topic)} isChosen=${chosen === topics[0].topic} choose=${choose} /></ul>`
      : html`<details key=${branch} open=${branch === "now"}><summary class="mono">${branch}/ <small>${topics.length}</small></summary>
        <ul><li><button type="button" class="leaf all mono" aria-pressed=${chosen === `${prefix}/${branch}/#` ? "true" : "false"}
          onClick=${() => choose(`${prefix}/${branch}/#`)}>${branch}/#</button></li>${topics.map((topic) => html`<${Leaf} key=${topic.topic} topic=${topic} rate=${rates.get(topic.topic)}
          isChosen=${chosen === topic.topic} choose=${choose} />`)}</ul></details>`))}</div>`;
}

function Listen({ factory, topic, payload }) {
  const broker = snippets.brokerOf(factory.broker.urls[0], location.hostname);
  return html`<section class="card listen"><h2>${t("topics.listen")}</h2><p class="mono topic">${topic}</p>
    ${payload && html`<pre class="payload" tabindex="0">${payload}</pre>`}
    <${Copy} name="shell" text=${snippets.shell(broker, topic)} />
    <${Copy} name="python" text=${snippets.python(broker, topic)} />
    <${Copy} name="nodered" text=${snippets.nodeRed(broker, topic)} />
    <${QrCode} text=${location.href} /></section>`;
}

export function View({ factory }) {
  const [machine, setMachine] = useState([...factory.machines].map((one) => one.name).sort()[0]);
  const prefix = prefixOf(factory, machine);
  const [topic, choose] = useState(`${prefix}/#`);
  const told = usePoll(`/api/topics?machine=${machine}`, LOOK_MS);
  const rates = useRates(told, machine);
  const change = (name) => {
    setMachine(name);
    choose(`${prefixOf(factory, name)}/#`);
  };
  const known = told && told.topics ? told.topics.filter((one) => one.topic.startsWith(`${prefix}/`)) : [];
  const current = known.find((one) => one.topic === topic);
  return html`<div class="sheet topics"><h1>${t("page.topics")}</h1><p class="hint">${t("topics.hint")}</p>
    <${Machines} factory=${factory} chosen=${machine} choose=${change} />
    <div class="topicstwo"><section class="card">${told && told.error ? html`<p class="problem">${problem(told)}</p>`
      : html`<${Tree} groups=${branches(known, prefix)} rates=${rates} chosen=${topic} choose=${choose} prefix=${prefix} />`}</section>
      <${Listen} factory=${factory} topic=${topic} payload=${current && current.payload} /></div></div>`;
}

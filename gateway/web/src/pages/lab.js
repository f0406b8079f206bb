// The instructor's page: what may be made to happen in the simulated factory, what happens now, and
// what was done. It speaks to the simulator only; a real device has no such door.
import { html, useEffect, useState } from "../html.js";
import { ask, query } from "../api.js";
import * as format from "../format.js";
import { usePoll } from "../poll.js";
import { useSecond } from "../second.js";
import * as store from "../store.js";
import { has, language, t, titleOf } from "../words.js";
import { Shape } from "../widgets/shape.js";

const LOOK_MS = 1000;
const KINDS = ["process", "sensor", "network", "protocol", "counter"];
const KEY = "formlab.pin";
const DURATIONS_S = [0, 30, 60, 300, 600, 1800];
const DELAYS_S = [0, 10, 30, 60, 300];

function pin() {
  return sessionStorage.getItem(KEY) || "";
}

const withPin = () => ({ headers: { "X-Lab-PIN": pin() } });

async function order(body) {
  return ask(query("/api/lab", body), {
    method: "POST", headers: { "Content-Type": "application/json", "X-Lab-PIN": pin() }, body: "{}",
  });
}

function words(scenario, name) {
  return scenario[`${name}_${language()}`] || scenario[`${name}_en`] || "";
}

function targetOf(factory, name) {
  const machine = store.machineOf(factory, name);
  return machine ? titleOf(machine) : has(`target.${name}`) ? t(`target.${name}`) : name;
}

function Pin({ isWrong, pauseS, enter }) {
  const submit = (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, event.target.elements.pin.value);
    event.target.reset();
    enter();
  };
  return html`<form class="card pin" onSubmit=${submit}><label>${t("lab.pin")}
      <input name="pin" type="password" inputmode="numeric" autocomplete="off" required /></label>
    <button type="submit" class="button">${t("lab.enter")}</button>
    ${pauseS > 0 ? html`<p class="problem pause" role="status">${t("lab.paused", { n: format.duration(pauseS * 1000) })}</p>`
    : isWrong && html`<p class="problem" role="alert">${t("lab.wrong")}</p>`}
    <p class="hint">${t("lab.learner")}</p></form>`;
}

function Choice({ name, values, value, change }) {
  return html`<label>${t(`lab.${name}`)} <select value=${value} onChange=${(event) => change(Number(event.target.value))}>
    ${values.map((one) => html`<option value=${one} selected=${one === value}>${one === 0 ? t(`lab.${name}.none`) : format.duration(one * 1000)}</option>`)}</select></label>`;
}

function Strength({ scenario, value, change }) {
  const { usual, amount, unit } = scenario;
  const isKnown = usual !== null && usual !== undefined && amount !== null && amount !== undefined;
  return html`<label class="strength">${t("lab.strength")}
    <input type="range" min="0.25" max="3" step="0.25" value=${value} onInput=${(event) => change(Number(event.target.value))} />
    <output>×${format.number(value, 2)}${isKnown && html` · <b>${format.number(usual + value * (amount - usual), 2)} ${unit}</b>`}</output></label>`;
}

function Card({ scenario, factory, isActive, mayAct, done }) {
  const [strength, setStrength] = useState(scenario.strength || 1);
  const [duration, setDuration] = useState(scenario.duration_s || 0);
  const [delay, setDelay] = useState(0);
  const [isHidden, hide] = useState(scenario.hidden);
  const hasStrength = scenario.strength !== null && scenario.strength !== undefined;
  const durations = [...new Set([...DURATIONS_S, scenario.duration_s || 0])].sort((a, b) => a - b);
  const inject = async () => done(await order({
    action: "inject", scenario: scenario.id, ...(hasStrength && { strength }),
    ...(duration && { duration_s: duration }), ...(delay && { delay_s: delay }), hidden: isHidden ? 1 : 0,
  }));
  return html`<details class=${`scenario ${isActive ? "active" : ""}`} data-scenario=${scenario.id}>
    <summary><b class="mono">${scenario.id}</b> <span>${words(scenario, "title")}</span>
      <small>${targetOf(factory, scenario.target)}</small>${isActive && html`<em><${Shape} name="run" /> ${t("lab.running")}</em>`}</summary>
    <p>${words(scenario, "description")}</p>
    ${scenario.simulated === false ? html`<p class="hint">${t("lab.outside")}</p>` : html`<div class="settings">
      ${hasStrength && html`<${Strength} scenario=${scenario} value=${strength} change=${setStrength} />`}
      <${Choice} name="delay" values=${DELAYS_S} value=${delay} change=${setDelay} />
      <${Choice} name="duration" values=${durations} value=${duration} change=${setDuration} />
      <label class="check"><input type="checkbox" checked=${isHidden} onChange=${(event) => hide(event.target.checked)} /> ${t("lab.hide")}</label>
      <button type="button" class="button strong" disabled=${!mayAct} onClick=${inject}>${t("lab.inject")}</button></div>`}
  </details>`;
}

function Active({ lab, factory, mayAct, done, now }) {
  const titles = new Map(lab.scenarios.map((scenario) => [scenario.id, scenario]));
  return html`<section class="card"><h2>${t("lab.active")}
      ${lab.active.length > 0 && html`<button type="button" class="button" disabled=${!mayAct}
        onClick=${async () => done(await order({ action: "clear-all" }))}>${t("lab.clearall")}</button>`}</h2>
    ${!lab.active.length ? html`<p class="nothing">${t("lab.nothing")}</p>` : html`<ul class="running">${lab.active.map((one) => html`<li key=${one.id}>
      <b class="mono">${one.scenario || one.fault}</b> <span>${titles.has(one.scenario) ? words(titles.get(one.scenario), "title") : ""}</span>
      <small>${one.started === false ? t("lab.delayed") : t("state.since", { n: format.duration(now - one.since) })}
        ${one.ends ? ` · ${t("lab.left", { n: format.duration(one.ends - now) })}` : ""}</small>
      ${one.hidden && html`<em>${t("lab.hidden")}</em>`}
      ${one.hidden && html`<button type="button" class="button" disabled=${!mayAct}
        onClick=${async () => done(await order({ action: "reveal", id: one.id }))}>${t("lab.reveal")}</button>`}
      <button type="button" class="button" disabled=${!mayAct} onClick=${async () => done(await order({ action: "clear", id: one.id }))}>${t("lab.clear")}</button>
      </li>`)}</ul>`}</section>`;
}

function Log({ lab }) {
  return html`<section class="card"><h2>${t("lab.log")}</h2>${!lab.log.length ? html`<p class="nothing">${t("lab.nothing")}</p>`
    : html`<ol class="events">${lab.log.map((entry) => html`<li><time>${format.clock(entry.time)}</time>
      <span>${t(`lab.did.${entry.action}`)} <b class="mono">${entry.scenario || entry.fault || ""}</b>
      ${entry.strength !== null && entry.strength !== undefined ? ` ×${format.number(entry.strength, 2)}` : ""}${entry.hidden ? ` (${t("lab.hidden")})` : ""}</span></li>`)}</ol>`}</section>`;
}

/** A PIN that is wrong is forgotten at once: asking again with it would count as guessing. One that
    came while too many were wrong was not looked at: it is kept, and the next look tries it again. */
function usePin(told) {
  const [isWrong, setWrong] = useState(false);
  useEffect(() => {
    if (told && told.pin_needed) {
      const isPaused = told.pin_pause_s > 0;
      const wrong = !told.pin_ok && !isPaused && pin() !== "";
      if (wrong) {
        sessionStorage.removeItem(KEY);
      }
      setWrong((old) => wrong || (old && !told.pin_ok && !isPaused));
    }
  }, [told]);
  return isWrong;
}

export function View({ factory }) {
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState("");
  const told = usePoll(`/api/lab?turn=${turn}`, LOOK_MS, withPin);
  const isWrong = usePin(told);
  useSecond();
  if (!factory.lab) {
    return html`<p class="lost">${t("lab.off")}</p>`;
  }
  if (!told || told.error) {
    return html`<p class="lost">${told ? told.error : t("page.loading")}</p>`;
  }
  const lab = { scenarios: told.list.scenarios, active: told.status.active, log: told.status.log };
  const mayAct = !told.pin_needed || told.pin_ok;
  const done = (answer) => {
    setProblem(answer.error || "");
    setTurn(turn + 1);
  };
  const running = new Set(lab.active.map((one) => one.scenario));
  return html`<div class="sheet lab"><h1>${t("page.lab")}</h1><p class="hint">${t("lab.hint")}</p>
    ${!mayAct && html`<${Pin} isWrong=${isWrong} pauseS=${told.pin_pause_s} enter=${() => setTurn(turn + 1)} />`}
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <div class="labtwo"><div class="kinds">${KINDS.map((kind) => {
      const members = lab.scenarios.filter((scenario) => scenario.kind === kind);
      return members.length > 0 && html`<section class="card" key=${kind}><h2>${t(`kind.${kind}`)}</h2>
        ${members.map((scenario) => html`<${Card} key=${scenario.id} scenario=${scenario} factory=${factory} mayAct=${mayAct}
          isActive=${running.has(scenario.id)} done=${done} />`)}</section>`;
    })}</div>
    <aside><${Active} lab=${lab} factory=${factory} mayAct=${mayAct} done=${done} now=${store.now()} /><${Log} lab=${lab} /></aside></div></div>`;
}

// The Modbus side: each connection, how well it answers, what is asked of it, and the last frames.
import { html, useState } from "../html.js";
import * as format from "../format.js";
import { usePoll } from "../poll.js";
import { exceptionWord, problem, reason } from "../reason.js";
import { Link } from "../router.js";
import * as store from "../store.js";
import { t, titleOf } from "../words.js";
import { Frame } from "../widgets/frame.js";
import { Histogram } from "../widgets/histogram.js";
import { Shape } from "../widgets/shape.js";

const LOOK_MS = 1000;
const SHAPES = { open: "good", closed: "stop", waiting: "broken" };

function sumOf(exceptions) {
  return Object.values(exceptions || {}).reduce((sum, count) => sum + count, 0);
}

function Count({ value, isBad }) {
  return html`<td class=${value && isBad ? "warn" : ""}>${format.number(value)}</td>`;
}

function Links({ links, chosen, choose }) {
  return html`<div class="scroll" tabindex="0"><table class="links"><caption class="hidden">${t("bus.links")}</caption>
    <thead><tr>${["link", "state", "rtt", "requests", "timeouts", "exceptions", "bad", "dropped", "opened"]
      .map((name) => html`<th scope="col">${t(`bus.${name}`)}</th>`)}</tr></thead>
    <tbody>${links.map((link) => html`<tr key=${link.name} class=${`${link.state} ${link.name === chosen ? "chosen" : ""}`}>
      <th scope="row"><button type="button" aria-pressed=${link.name === chosen ? "true" : "false"}
        onClick=${() => choose(link.name)}>${link.name}</button> <small class="mono">${link.host}:${link.port}</small></th>
      <td class=${`mark ${link.state === "open" ? "" : "gone"}`}><${Shape} name=${SHAPES[link.state]} /> ${t(`link.${link.state}`)}
        ${link.state !== "open" && html` <small>${reason(link.status)}</small>`}</td>
      <td>${link.rtt_us.mean ? format.micros(link.rtt_us.mean) : "—"}</td>
      <${Count} value=${link.requests} />
      <${Count} value=${link.timeouts} isBad=${true} />
      <${Count} value=${sumOf(link.exceptions)} isBad=${true} />
      <${Count} value=${link.bad_replies} isBad=${true} />
      <${Count} value=${link.dropped} isBad=${true} />
      <${Count} value=${link.opened} /></tr>`)}</tbody></table></div>`;
}

/** A request of the plan: what is read at once, what is read for nothing, what is set aside. */
function Request({ request, index }) {
  const { last } = request;
  const share = request.count ? request.unused / request.count : 0;
  return html`<li class=${`planned ${request.quarantined ? "quarantined" : ""}`}>
    <p class="line"><b>${index + 1}.</b> <span class="mono">${t(`table.${request.table}`)} ${request.address}–${request.address + request.count - 1}</span>
      <span class="fill" title=${t("bus.unused", { n: request.unused })}><i style=${{ width: `${100 * (1 - share)}%` }}></i></span>
      <span>${t("bus.tags", { n: request.tags })}${request.unused > 0 && ` · ${t("bus.unused", { n: request.unused })}`} · ${format.number(request.every_ms)} ms</span>
      ${request.quarantined && html`<strong><${Shape} name="fault" /> ${t("bus.quarantined")}</strong>`}</p>
    ${last && html`<p class="hint">${format.clock(last.sent)} · ${format.micros(last.duration_us)}
      ${last.exception ? html` · <b>${t("reason.exception", { n: last.exception })} ${exceptionWord(last.exception)}</b>` : ""}
      ${last.status !== "ok" && !last.exception ? html` · <b>${reason(last.status)}</b>` : ""}</p>
      <div class="frames"><span>${t("frame.request")}</span><${Frame} hex=${last.request} />
        <span>${t("frame.reply")}</span><${Frame} hex=${last.reply} request=${last.request} isReply=${true} /></div>`}
  </li>`;
}

function Unit({ machine, factory }) {
  const known = store.machineOf(factory, machine.name);
  const isSlow = machine.achieved_ms > 1.5 * machine.every_ms;
  return html`<section class="unit"><h3><${Link} to=${`/m/${machine.name}`}>${known ? titleOf(known) : machine.name}<//> <small>${t("bus.unit")} ${machine.unit_id}</small></h3>
    <p>${t("bus.pace")}: <b class=${isSlow ? "warn" : ""}>${format.number(machine.achieved_ms)}</b> / ${format.number(machine.every_ms)} ms
      · ${t("machine.missed")}: ${format.number(machine.missed)}</p>
    <ol>${(machine.plan || []).map((request, index) => html`<${Request} request=${request} index=${index} />`)}</ol></section>`;
}

function Detail({ link, factory, isHeld, hold }) {
  const codes = Object.entries(link.exceptions || {});
  return html`<section class="card link"><h2>${link.name} <small class="mono">${link.host}:${link.port}</small>
      <button type="button" class="small" aria-pressed=${isHeld ? "true" : "false"} onClick=${hold}>${t(isHeld ? "bus.resume" : "bus.hold")}</button></h2>
    <div class="numbers"><div><h3>${t("bus.rtt")}</h3><${Histogram} rtt=${link.rtt_us} />
        <p class="hint">${t("bus.rttline", { min: format.micros(link.rtt_us.min), mean: format.micros(link.rtt_us.mean), max: format.micros(link.rtt_us.max) })}</p></div>
      <div><h3>${t("bus.exceptions")}</h3>${codes.length ? html`<ul>${codes.map(([code, count]) => html`<li><b>${code === "0" ? t("bus.othercode") : code}</b>
        ${" "}${exceptionWord(code)}: ${format.number(count)}</li>`)}</ul>` : html`<p class="nothing">${t("bus.noexception")}</p>`}</div></div>
    ${link.machines.map((machine) => html`<${Unit} key=${machine.name} machine=${machine} factory=${factory} />`)}
  </section>`;
}

export function View({ factory }) {
  const told = usePoll("/api/bus", LOOK_MS);
  const [chosen, choose] = useState(factory.links[0] && factory.links[0].name);
  const [held, hold] = useState(null);
  const shown = held || told;
  if (!shown || shown.error) {
    return html`<p class="lost">${shown ? problem(shown) : t("page.loading")}</p>`;
  }
  const link = shown.links.find((one) => one.name === chosen) || shown.links[0];
  return html`<div class="sheet bus"><h1>${t("page.bus")}</h1><p class="hint">${t("bus.hint")}</p>
    <div class="bustwo"><section class="card"><${Links} links=${told && told.links ? told.links : shown.links} chosen=${link.name} choose=${choose} /></section>
      <${Detail} link=${link} factory=${factory} isHeld=${held !== null} hold=${() => hold(held ? null : shown)} /></div>
  </div>`;
}

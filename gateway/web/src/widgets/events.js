// What happened, newest first: when, to whom, what and why.
import { html } from "../html.js";
import * as format from "../format.js";
import { reason } from "../reason.js";
import { machineOf } from "../store.js";
import { has, t, titleOf } from "../words.js";

/** What an event's members add: a reason, a count. */
function detail(members) {
  const { reason: why, count } = members || {};
  return [why ? reason(why) : "", count === undefined ? "" : format.number(Number(count))].filter(Boolean).join(" · ");
}

export function EventList({ events, factory }) {
  if (!events.length) {
    return html`<p class="nothing">${t("event.none")}</p>`;
  }
  return html`<ol class="events">${events.map((event) => {
    const machine = event.machine && machineOf(factory, event.machine);
    const more = detail(event.members);
    const name = has(`event.${event.name}`) ? t(`event.${event.name}`) : event.name;
    return html`<li key=${`${event.time} ${event.machine} ${event.name}`}>
      <time datetime=${new Date(event.time).toISOString()}>${format.clock(event.time)}</time>
      <span><b>${machine ? titleOf(machine) : t("event.gateway")}</b> ${name}${more && ` (${more})`}</span></li>`;
  })}</ol>`;
}

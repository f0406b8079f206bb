// Every tag of a machine: value, unit, quality, age, where it lies; on to its trace.
import { Component, html } from "../html.js";
import * as format from "../format.js";
import { Link } from "../router.js";
import * as store from "../store.js";
import { t, titleOf } from "../words.js";
import { Quality } from "./quality.js";

class Row extends Component {
  shouldComponentUpdate(next) {
    return next.reading !== this.props.reading || next.isShown !== this.props.isShown
      || next.language !== this.props.language || next.age !== this.props.age;
  }

  render({ machine, tag, reading, age, isShown, toggle }) {
    const where = `${t(`table.${tag.table}`)} ${tag.address}${tag.registers > 1 ? `–${tag.address + tag.registers - 1}` : ""}`;
    return html`<tr class=${reading ? reading.q : ""}>
      <th scope="row"><${Link} to=${`/trace/${machine}/${tag.name}`}>${titleOf(tag)}<//>
        <small class="mono">${tag.name}</small></th>
      <td class="value">${reading ? format.value(tag, reading.v) : "—"} <span class="unit">${tag.unit}</span></td>
      <td><${Quality} reading=${reading} /></td>
      <td class="age">${age}</td>
      <td class="where"><span class="mono">${where}</span> <small class="mono">${tag.type} ${tag.order}${
        tag.scale !== "1" ? ` ×${tag.scale}` : ""}</small></td>
      <td>${tag.kind === "number" && html`<button type="button" class="small" aria-pressed=${isShown ? "true" : "false"}
        onClick=${() => toggle(tag.name)} aria-label=${`${t("machine.trend")}: ${titleOf(tag)}`}>${t("machine.trend")}</button>`}</td>
    </tr>`;
  }
}

export function Tags({ machine, live, shown, toggle, language }) {
  const now = store.now();
  return html`<table class="tags"><caption class="hidden">${t("machine.tags")}</caption>
    <thead><tr><th scope="col">${t("machine.tag")}</th><th scope="col" class="value">${t("machine.value")}</th>
      <th scope="col">${t("machine.quality")}</th><th scope="col">${t("machine.age")}</th>
      <th scope="col">${t("machine.where")}</th><th scope="col"><span class="hidden">${t("machine.trend")}</span></th></tr></thead>
    <tbody>${machine.tags.map((tag) => {
      const reading = live && live.values[tag.name];
      return html`<${Row} key=${tag.name} machine=${machine.name} tag=${tag} reading=${reading} toggle=${toggle}
        isShown=${shown.includes(tag.name)} language=${language} age=${reading ? format.ago(now - reading.t) : ""} />`;
    })}</tbody></table>`;
}

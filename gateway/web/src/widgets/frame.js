// A frame's bytes as boxes, each field named; colour and border style say header, order or data.
import { html } from "../html.js";
import { bytesOf, dissect } from "../frame.js";
import { exceptionWord } from "../reason.js";
import { t } from "../words.js";

const KINDS = { transaction: "header", protocol: "header", length: "header", unit: "unit", function: "function",
  address: "argument", count: "argument", bytes: "argument", exception: "exception", register: "data", bits: "data" };
const SHOWN_AT_FIRST = 28; // fields; a long reply is cut around what matters

function nameOf({ name, number }) {
  return t(`field.${name}`) + (number === undefined ? "" : ` ${number}`);
}

function meaning({ name, value }) {
  if (name === "function") {
    const code = Number(value) & 0x7f;
    return `${value} ${code <= 4 ? t(`function.${code}`) : ""}${Number(value) & 0x80 ? ` – ${t("function.refused")}` : ""}`;
  }
  return name === "protocol" ? "Modbus" : name === "exception" ? `${value} ${exceptionWord(value)}` : value;
}

export function Frame({ hex, request, isReply, tagged }) {
  const bytes = bytesOf(hex);
  if (!bytes.length) {
    return html`<p class="nothing">${t("frame.none")}</p>`;
  }
  const fields = dissect(hex, request, isReply).map((field) => ({
    ...field, isTag: (tagged || []).some((one) => field.offset < one.offset + one.length && one.offset < field.offset + field.length
      && field.name !== "bytes"),
  }));
  const first = fields.findIndex((field) => field.isTag);
  const around = first < 0 ? SHOWN_AT_FIRST : Math.max(SHOWN_AT_FIRST, first + 8);
  const shown = fields.length > around + 2 ? fields.slice(0, around) : fields;
  return html`<ol class="frame">${shown.map((field) => html`<li
      class=${`${KINDS[field.name] || "data"} ${field.isTag ? "tagged" : ""}`} title=${`${nameOf(field)}: ${meaning(field)}`}>
      <code>${bytes.slice(field.offset, field.offset + field.length).map((b) => b.toString(16).padStart(2, "0").toUpperCase()).join(" ")}</code>
      <span>${nameOf(field)}</span><b>${field.name === "register" || field.name === "bits" ? "" : meaning(field)}</b></li>`)}
    ${shown.length < fields.length && html`<li class="more">… +${fields.length - shown.length}</li>`}</ol>`;
}

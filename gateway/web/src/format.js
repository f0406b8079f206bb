// Numbers, times and ages in the reader's manner. Pure but for the language chosen.
import { language, t } from "./words.js";

const REGION = { fr: "fr-FR", de: "de-DE", en: "en-GB" };
const made = new Map();

function make(Kind, options) {
  const key = `${language()} ${Kind.name} ${JSON.stringify(options)}`;
  if (!made.has(key)) {
    made.set(key, new Kind(REGION[language()], options));
  }
  return made.get(key);
}

export function number(value, decimals = 0) {
  return make(Intl.NumberFormat, {
    minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  }).format(value);
}

export function compact(value) {
  return make(Intl.NumberFormat, { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

/** The decimals that a number itself has. */
export function ownDecimals(v) {
  const [, digits = "", exponent = "0"] = /^-?\d+(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(v)) || [];
  return Math.min(20, Math.max(0, digits.length - Number(exponent)));
}

/** Whether the tag's own scale does not tell the decimals: the exponent is another tag's, which the
 *  tag or only its value shows, or the offset has decimals of its own. */
function isScaledElsewhere(tag, v) {
  const isFloat = /float/.test(tag.type);
  return Boolean(tag.scale_tag) || !isFloat && (ownDecimals(Number(tag.offset || 0)) > 0
    || ownDecimals(v) > ownDecimals(Number(tag.scale || 1)));
}

/** How many decimals of a tag say something: those of its deadband, else of its scale. */
function decimalsOf(tag) {
  for (const text of [tag.deadband, tag.scale]) {
    const step = Number(text);
    if (text && step > 0 && step < 1) {
      return Math.min(6, Math.ceil(-Math.log10(step) - 1e-9));
    }
    if (text && step >= 1 && text === tag.deadband) {
      return 0;
    }
  }
  return /float/.test(tag.type) ? 2 : 0;
}

/** A reading's value as people write it; exact digits and text stay as they are. */
export function value(tag, v) {
  if (v === null || v === undefined) {
    return "—";
  }
  if (typeof v === "boolean") {
    return t(v ? "value.true" : "value.false");
  }
  if (typeof v === "number") {
    return number(v, isScaledElsewhere(tag, v) ? ownDecimals(v) : decimalsOf(tag));
  }
  if (tag.kind === "number" && /^-?\d+$/.test(v)) {
    return make(Intl.NumberFormat, {}).format(BigInt(v));
  }
  return v;
}

export function clock(ms) {
  return make(Intl.DateTimeFormat, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
}

export function hour(ms) {
  return make(Intl.DateTimeFormat, { hour: "2-digit", minute: "2-digit" }).format(ms);
}

export function moment(ms) {
  return make(Intl.DateTimeFormat, {
    day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  }).format(ms);
}

export function day(ms) {
  return make(Intl.DateTimeFormat, { weekday: "long", day: "numeric", month: "long" }).format(ms);
}

const STEPS = [["second", 1000, 100], ["minute", 60000, 100], ["hour", 3600000, 48], ["day", 86400000, 1e9]];

function stepOf(ms) {
  if (ms >= 3600000 && ms % 3600000 === 0) {
    return STEPS[ms < 48 * 3600000 ? 2 : 3];
  }
  return STEPS.find(([, size, most]) => ms / size < most);
}

/** "il y a 12 s"; what is younger than two seconds is now. */
export function ago(ms) {
  if (ms < 2000) {
    return t("age.now");
  }
  const [unit, size] = stepOf(ms);
  return make(Intl.RelativeTimeFormat, { style: "short" }).format(-Math.floor(ms / size), unit);
}

/** "12 s", "3 min" */
export function duration(ms) {
  const [unit, size] = stepOf(Math.max(0, ms));
  return make(Intl.NumberFormat, { style: "unit", unit, unitDisplay: "short" })
    .format(Math.floor(Math.max(0, ms) / size));
}

/** "5,2 ms", "840 µs" */
export function micros(us) {
  if (us < 1000) {
    return `${number(us)} µs`;
  }
  return us < 1e6 ? `${number(us / 1000, us < 100000 ? 1 : 0)} ms` : `${number(us / 1e6, 2)} s`;
}

export function bytes(count) {
  for (const [size, unit] of [[1 << 30, "GiB"], [1 << 20, "MiB"], [1 << 10, "KiB"]]) {
    if (count >= size) {
      return `${number(count / size, 1)} ${unit}`;
    }
  }
  return `${number(count)} B`;
}

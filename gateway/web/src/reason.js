// Why a reading is bad or a machine is gone, as a word.
import { has, t } from "./words.js";

const NOT_BAD = ["ok", "idle", "none"]; // states of a link that are no reason

export function reason(code) {
  if (!code || NOT_BAD.includes(code)) {
    return "";
  }
  const exception = /^exception-(\w+)$/.exec(code);
  if (exception) {
    return t("reason.exception", { n: exception[1] });
  }
  return has(`reason.${code}`) ? t(`reason.${code}`) : t("reason.other");
}

/** What an answer of api.js that is none says. */
export function problem({ error, status }) {
  return status === 0 ? t("msg.unreachable") : error;
}

/** What a Modbus exception code means; codes beyond the standard are only a number. */
export function exceptionWord(code) {
  return has(`exception.${code}`) ? t(`exception.${code}`) : "";
}

// Why a reading is bad or a machine is gone, as a word.
import { has, t } from "./words.js";

export function reason(code) {
  if (!code) {
    return "";
  }
  const exception = /^exception-(\w+)$/.exec(code);
  if (exception) {
    return t("reason.exception", { n: exception[1] });
  }
  return has(`reason.${code}`) ? t(`reason.${code}`) : t("reason.other");
}

/** What a Modbus exception code means; codes beyond the standard are only a number. */
export function exceptionWord(code) {
  return has(`exception.${code}`) ? t(`exception.${code}`) : "";
}

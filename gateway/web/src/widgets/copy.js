// A text to copy: shown, selectable, with a button. Works without a secure context too, which a page
// served over plain HTTP in a hall does not have.
import { html, useRef, useState } from "../html.js";
import { t } from "../words.js";

const THANKS_MS = 1500;

async function put(text, element) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  return document.execCommand("copy");
}

export function Copy({ name, text }) {
  const [isDone, setDone] = useState(false);
  const place = useRef(null);
  const copy = async () => {
    if (await put(text, place.current).catch(() => false)) {
      setDone(true);
      setTimeout(() => setDone(false), THANKS_MS);
    }
  };
  return html`<section class="copy" data-copy=${name}><h3>${t(`copy.${name}`)}
      <button type="button" class="small" onClick=${copy}>${t(isDone ? "copy.done" : "copy.copy")}</button></h3>
    <pre ref=${place} tabindex="0">${text}</pre></section>`;
}

// The gateway's time, by which everything on the page is stamped.
import { html } from "../html.js";
import * as format from "../format.js";
import { useSecond } from "../second.js";
import * as store from "../store.js";

export function Clock() {
  useSecond();
  const now = store.now();
  return html`<time class="clock" datetime=${new Date(now).toISOString()}>${format.clock(now)}</time>`;
}

// The one place that binds HTM to Preact: html`<p>…</p>` makes elements.
import { h } from "./lib/preact.js";
import htm from "./lib/htm.js";

export const html = htm.bind(h);
export { Component, Fragment, render } from "./lib/preact.js";
export { useEffect, useMemo, useRef, useState } from "./lib/hooks.js";

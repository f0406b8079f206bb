// A state's shape: told apart without colour and from afar.
import { html } from "../html.js";

const SHAPES = {
  run: "M6 3 L21 12 L6 21 Z",
  ring: "M12 3 a9 9 0 1 0 0.01 0 Z M12 6.5 a5.5 5.5 0 1 1 -0.01 0 Z",
  stop: "M4 4 H20 V20 H4 Z",
  wait: "M5 2 H19 V5.5 L14 12 L19 18.5 V22 H5 V18.5 L10 12 L5 5.5 Z",
  pause: "M5 3 H10 V21 H5 Z M14 3 H19 V21 H14 Z",
  fault: "M8 1 H16 L23 8 V16 L16 23 H8 L1 16 V8 Z M10.6 5 L11 14 H13 L13.4 5 Z M10.5 16 H13.5 V19 H10.5 Z",
  broken: "M2 10 H8 V14 H2 Z M16 10 H22 V14 H16 Z M9 3 L11.5 8 L13 7.3 L11 2.2 Z M13 21.8 L15 21 L12.5 16 L11 16.7 Z",
  question: "M12 1 a11 11 0 1 0 0.01 0 Z M8 9 a4 4 0 1 1 5.6 3.6 L13.4 15 H10.6 V11 H12 a1.4 1.4 0 1 0 -1.4 -2 Z "
    + "M10.6 16.6 H13.4 V19.2 H10.6 Z",
  dot: "M12 6 a6 6 0 1 0 0.01 0 Z",
  low: "M3 8 H21 L12 21 Z",
  high: "M3 16 H21 L12 3 Z",
  good: "M3 12.5 L6 9.5 L10 13.5 L18.5 5 L21.5 8 L10 19.5 Z",
  uncertain: "M12 2 L23 21 H1 Z M10.8 8.5 V14.5 H13.2 V8.5 Z M10.8 16 V18.6 H13.2 V16 Z",
  bad: "M5 2 L12 9 L19 2 L22 5 L15 12 L22 19 L19 22 L12 15 L5 22 L2 19 L9 12 L2 5 Z",
};

export function Shape({ name }) {
  return html`<svg class="shape" viewBox="0 0 24 24" aria-hidden="true">
    <path fill="currentColor" fill-rule="evenodd" d=${SHAPES[name]} /></svg>`;
}

import { h, render } from "./lib/preact.js";

render(h("h1", null, "FORMLAB"), document.getElementById("page"));

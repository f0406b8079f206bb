// Starts the page: language, stream, first drawing.
import { html, render } from "./html.js";
import { App } from "./app.js";
import { prefer } from "./language.js";
import { start } from "./stream.js";

prefer();
start();
render(html`<${App} />`, document.getElementById("page"));

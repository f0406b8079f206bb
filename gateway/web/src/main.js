// Starts the page: language, memory, stream, first drawing.
import { html, render } from "./html.js";
import { App } from "./app.js";
import { prefer } from "./language.js";
import { follow } from "./recent.js";
import { listen } from "./store.js";
import { start } from "./stream.js";

prefer();
listen(follow);
start();
render(html`<${App} />`, document.getElementById("page"));

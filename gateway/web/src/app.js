// The frame around every page: name, pages, language; and the page that the address means.
import { html, useEffect, useState } from "./html.js";
import { choose } from "./language.js";
import { Link, useRoute } from "./router.js";
import { useStore } from "./store.js";
import { LANGUAGES, NAMES, language, t } from "./words.js";
import { Wall } from "./pages/wall.js";
import { Banners } from "./widgets/banner.js";
import { Clock } from "./widgets/clock.js";

// The wall comes at once; the others when somebody goes there.
const LATER = {
  machine: () => import("./pages/machine.js"),
  bus: () => import("./pages/bus.js"),
  topics: () => import("./pages/topics.js"),
  trace: () => import("./pages/trace.js"),
  lab: () => import("./pages/lab.js"),
};

function useView(page) {
  const [view, setView] = useState({ page: "wall", View: Wall });
  useEffect(() => {
    let isWanted = true;
    if (page === "wall") {
      setView({ page, View: Wall });
    } else if (LATER[page]) {
      LATER[page]().then((module) => isWanted && setView({ page, View: module.View }));
    }
    return () => { isWanted = false; };
  }, [page]);
  return view.page === page ? view.View : null;
}

function Languages() {
  return html`<div class="languages" role="group" aria-label=${t("page.language")}>
    ${LANGUAGES.map((code) => html`<button type="button" lang=${code} title=${NAMES[code]}
      aria-pressed=${code === language() ? "true" : "false"}
      onClick=${() => choose(code)}>${code.toUpperCase()}</button>`)}
  </div>`;
}

function Menu({ page, hasLab }) {
  const entries = [["wall", "/"], ["bus", "/bus"], ["topics", "/topics"], ...(hasLab ? [["lab", "/lab"]] : [])];
  return html`<nav aria-label=${t("page.menu")}>${entries.map(([name, to]) => html`<${Link} to=${to}
    aria-current=${name === page ? "page" : null}>${t(`page.${name}`)}<//>`)}</nav>`;
}

const pick = (all) => all.factory;
const pickLanguage = (all) => all.language;

export function App() {
  const factory = useStore(pick);
  useStore(pickLanguage);
  const route = useRoute();
  const View = useView(route.page);
  useEffect(() => {
    document.title = [factory && factory.title, route.machine || t(`page.${route.page}`)].filter(Boolean).join(" · ");
  });
  return html`<div class=${`app ${route.page}`}>
    <a class="skip" href="#content">${t("page.skip")}</a>
    <header class="top">
      <${Link} to="/" class="brand">${factory ? factory.title : "FORMLAB"}<//>
      <${Menu} page=${route.page} hasLab=${factory && factory.lab} />
      ${factory && factory.simulated && html`<span class="simulated">${t("msg.simulated")}</span>`}
      <${Clock} />
      <${Languages} />
    </header>
    <div class="banners"><${Banners} /></div>
    <main id="content" tabindex="-1">
      ${route.page === "lost" ? html`<p class="lost">${t("page.lost")}</p>`
      : !factory || !View ? html`<p class="lost">${t("page.loading")}</p>`
      : html`<${View} key=${location.pathname} factory=${factory} ...${route} />`}
    </main>
  </div>`;
}

// Which page an address means, and how to go to another without loading all again.
import { html, useEffect, useState } from "./html.js";

const ROUTES = [
  [/^\/$/, "wall", []],
  [/^\/m\/([a-z0-9_-]+)$/, "machine", ["machine"]],
  [/^\/bus$/, "bus", []],
  [/^\/topics$/, "topics", []],
  [/^\/trace\/([a-z0-9_-]+)\/([a-z0-9_]+)$/, "trace", ["machine", "tag"]],
  [/^\/lab$/, "lab", []],
];
const listeners = new Set();

export function find(path) {
  for (const [pattern, page, names] of ROUTES) {
    const match = pattern.exec(path);
    if (match) {
      return { page, ...Object.fromEntries(names.map((name, index) => [name, match[index + 1]])) };
    }
  }
  return { page: "lost" };
}

function tell() {
  for (const listener of [...listeners]) {
    listener();
  }
}

export function go(path) {
  history.pushState(null, "", path);
  scrollTo(0, 0);
  tell();
}

export function useRoute() {
  const [route, setRoute] = useState(() => find(location.pathname));
  useEffect(() => {
    const look = () => setRoute(find(location.pathname));
    listeners.add(look);
    addEventListener("popstate", look);
    return () => {
      listeners.delete(look);
      removeEventListener("popstate", look);
    };
  }, []);
  return route;
}

/** A real link: opens in a new tab, shows its address; a plain click stays in the page. */
export function Link({ to, children, ...rest }) {
  const click = (event) => {
    if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      go(to);
    }
  };
  return html`<a href=${to} onClick=${click} ...${rest}>${children}</a>`;
}

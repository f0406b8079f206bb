// Which language: ?lang= in the address, else the last choice, else the browser's.
import * as words from "./words.js";
import * as store from "./store.js";

const KEY = "formlab.language";

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden
  }
}

export function prefer() {
  const wishes = [new URLSearchParams(location.search).get("lang"), remembered(),
    ...navigator.languages.map((code) => code.slice(0, 2))];
  use(wishes.find((code) => words.LANGUAGES.includes(code)) || words.LANGUAGES[0]);
}

function use(code) {
  words.choose(code);
  document.documentElement.lang = code;
  store.set({ language: code });
}

export function choose(code) {
  try {
    localStorage.setItem(KEY, code);
  } catch {
    // then it holds for this visit
  }
  const address = new URL(location.href);
  if (address.searchParams.has("lang")) {
    address.searchParams.delete("lang");
    history.replaceState(null, "", address);
  }
  use(code);
}

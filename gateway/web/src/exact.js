// JSON whose integers beyond 2^53 stay exact: they become text, all others numbers.

// A string, whatever it holds, or a number; the long ones among the latter are meant.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const LONG = /^-?\d{16,}$/;

export function parse(text) {
  return JSON.parse(text.replace(TOKEN, (token) => (LONG.test(token) ? `"${token}"` : token)));
}

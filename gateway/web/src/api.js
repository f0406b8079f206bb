// Asking the gateway: one request, its answer or a sentence that says why not.
import { parse } from "./exact.js";

export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...options });
  } catch {
    return { error: "unreachable", status: 0 };
  }
  const text = await answer.text();
  let body;
  try {
    body = parse(text);
  } catch {
    return { error: `HTTP ${answer.status}`, status: answer.status };
  }
  return answer.ok ? body : { error: body.error || `HTTP ${answer.status}`, status: answer.status };
}

export function query(path, parameters) {
  return `${path}?${new URLSearchParams(parameters)}`;
}

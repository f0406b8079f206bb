// The stretch of time that a page shows: follows the present, or stands still where somebody zoomed.
// Pure: every function gives a new span.

export const LENGTHS_MS = [5 * 60000, 15 * 60000, 3600000, 8 * 3600000, 24 * 3600000];
const SHORTEST_MS = 5000;
const LONGEST_MS = 30 * 86400000;

export function following(lengthMs) {
  return { from: null, to: null, length: lengthMs };
}

export function isFollowing(span) {
  return span.to === null;
}

export function resolve(span, now) {
  return isFollowing(span) ? { from: now - span.length, to: now } : { from: span.from, to: span.to };
}

export function between(from, to) {
  const length = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.round(to - from)));
  const middle = (from + to) / 2;
  const start = Math.round(middle - length / 2);
  return { from: start, to: start + length, length };
}

/** Closer (factor < 1) or farther around the middle; never beyond now. */
export function zoom(span, factor, now) {
  const { from, to } = resolve(span, now);
  const middle = (from + to) / 2, half = ((to - from) / 2) * factor;
  return between(middle - half, Math.min(now, middle + half));
}

/** By a share of its own length; moving past the present follows it again. */
export function move(span, share, now) {
  const { from, to } = resolve(span, now);
  const by = (to - from) * share;
  return to + by >= now ? following(to - from) : between(from + by, to + by);
}

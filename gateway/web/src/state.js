// What a machine's state looks like: shape, tone, which lamp of its stack light is lit. Pure.
//
// Tones: "calm" is grey and needs nobody, "rest" is grey and still, "warn" is yellow, "alarm" is red,
// "gone" is hatched: the gateway does not know. Shape and word always say the same without colour.

// How long a machine may wait for its neighbours before somebody should look.
export const WAITING_LONG_MS = 90000;

const EXECUTE = { word: "execute", shape: "run", tone: "calm", lamp: "green" };
const IDLE = { word: "idle", shape: "ring", tone: "calm", lamp: "" };
const STOPPED = { word: "stopped", shape: "stop", tone: "rest", lamp: "" };
const SUSPENDED = { word: "suspended", shape: "wait", tone: "calm", lamp: "" };
const HELD = { word: "held", shape: "pause", tone: "warn", lamp: "yellow" };
const ABORTED = { word: "aborted", shape: "fault", tone: "alarm", lamp: "red" };

// PackML's 18 states, and what the robot, the drive and the inverter call theirs.
const STATES = {
  undefined: { word: "unknown", shape: "question", tone: "rest", lamp: "" },
  stopped: STOPPED, stopping: STOPPED, clearing: STOPPED, off: STOPPED, sleeping: STOPPED,
  "shutting-down": STOPPED,
  idle: IDLE, resetting: IDLE, completed: IDLE, starting: IDLE, ready: IDLE, standby: IDLE,
  execute: EXECUTE, completing: EXECUTE, unholding: EXECUTE, unsuspending: EXECUTE,
  executing: EXECUTE, mppt: EXECUTE, throttled: EXECUTE,
  suspended: SUSPENDED, suspending: SUSPENDED,
  held: HELD, holding: HELD, pause: HELD,
  aborted: ABORTED, aborting: ABORTED, error: ABORTED, "emergency-stop": ABORTED, fault: ABORTED,
};
const ONLINE = { word: "online", shape: "dot", tone: "calm", lamp: "" };
const OFFLINE = { word: "offline", shape: "broken", tone: "gone", lamp: "" };
const UNKNOWN = { word: "unknown", shape: "question", tone: "gone", lamp: "" };
const SILENT = { word: "silent", shape: "broken", tone: "gone", lamp: "" };

export function looksOf(word) {
  return STATES[word] || { word: "", shape: "question", tone: "rest", lamp: "" };
}

/** Below, within or above [low, high]: -1, 0, 1; 0 when either is not known. */
export function sideOf(value, normal) {
  if (!normal || typeof value !== "number") {
    return 0;
  }
  return value < normal[0] ? -1 : value > normal[1] ? 1 : 0;
}

/** How a machine is. `live` is its part of the stream; `isHeard`: the page still hears the gateway;
 *  `since`: when its state word last changed, epoch ms. */
export function judge(machine, live, isHeard, since, now) {
  if (!isHeard) {
    return SILENT;
  }
  if (!live || live.state === "unknown") {
    return UNKNOWN;
  }
  if (live.state === "offline") {
    return OFFLINE;
  }
  const reading = machine.state && live.values[machine.state];
  if (!reading) {
    return ONLINE;
  }
  if (reading.q === "bad") {
    return UNKNOWN;
  }
  const looks = looksOf(reading.v);
  if (looks === SUSPENDED && since && now - since > WAITING_LONG_MS) {
    return { ...SUSPENDED, tone: "warn", lamp: "yellow" };
  }
  return looks.word ? looks : { ...looks, raw: String(reading.v) };
}

/** The worse of a machine's state and its headline value: what the wall paints. */
export function toneOf(looks, side, quality) {
  if (looks.tone === "alarm" || looks.tone === "gone") {
    return looks.tone;
  }
  return side !== 0 || quality === "bad" || quality === "uncertain" ? "warn" : looks.tone;
}

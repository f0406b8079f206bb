// A Modbus TCP frame taken apart into named fields. Pure.
// Modbus Messaging on TCP/IP V1.0b, 3.1.3 (MBAP); Modbus Application Protocol V1.1b3, 6.1 to 6.4.

const MBAP = [["transaction", 0, 2], ["protocol", 2, 2], ["length", 4, 2], ["unit", 6, 1], ["function", 7, 1]];
const READS_BITS = [1, 2];

export function bytesOf(hex) {
  return hex ? hex.trim().split(/\s+/).map((pair) => parseInt(pair, 16)) : [];
}

function valueAt(bytes, offset, length) {
  let value = 0;
  for (const byte of bytes.slice(offset, offset + length)) {
    value = value * 256 + byte;
  }
  return value;
}

const hexOf = (bytes, offset) => `0x${bytes.slice(offset, offset + 2).map((b) => b.toString(16).padStart(2, "0")).join("").toUpperCase()}`;

function body(bytes, request, isReply) {
  const code = bytes[7];
  if (!isReply) {
    return [["address", 8, 2], ["count", 10, 2]];
  }
  if (code & 0x80) {
    return [["exception", 8, 1]];
  }
  const data = [["bytes", 8, 1]];
  const first = request.length >= 12 ? valueAt(request, 8, 2) : 0;
  const step = READS_BITS.includes(code) ? 1 : 2;
  for (let at = 9; at < bytes.length; at += step) {
    data.push([step === 2 ? "register" : "bits", at, step, first + (at - 9) / step * (step === 2 ? 1 : 8)]);
  }
  return data;
}

/** [{name, offset, length, value, number}] of a frame as hex; `request` helps to number a reply's data. */
export function dissect(hex, request = "", isReply = false) {
  const bytes = bytesOf(hex);
  return [...MBAP, ...(bytes.length > 8 ? body(bytes, bytesOf(request), isReply) : [])]
    .filter(([, offset]) => offset < bytes.length)
    .map(([name, offset, length, number]) => ({
      name, offset, length, number,
      value: name === "register" ? hexOf(bytes, offset) : String(valueAt(bytes, offset, length)),
    }));
}

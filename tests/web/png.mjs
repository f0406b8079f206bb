// Makes a screenshot small: few colours, a palette, the best compression. For pictures in a README.
// PNG, W3C Recommendation, 2nd edition: 5 (chunks), 9 (filters), 11.2.3 (palette).
import zlib from "node:zlib";

const SIGNATURE = 8;
const COLOURS_MAX = 128; // of each picture; more would cost size and show nothing

function chunks(png) {
  const found = [];
  for (let at = SIGNATURE; at < png.length;) {
    const length = png.readUInt32BE(at);
    found.push([png.toString("latin1", at + 4, at + 8), png.subarray(at + 8, at + 8 + length)]);
    at += length + 12;
  }
  return found;
}

function paeth(a, b, c) {
  const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

const GUESSES = [() => 0, (left) => left, (left, up) => up, (left, up) => (left + up) >> 1, paeth];

/** Rows of samples, their filters undone. */
function unfilter(data, height, stride, step) {
  const out = Buffer.alloc(height * stride), above = Buffer.alloc(stride);
  for (let y = 0; y < height; y += 1) {
    const guess = GUESSES[data[y * (stride + 1)]], start = y * stride, from = y * (stride + 1) + 1;
    for (let x = 0; x < stride; x += 1) {
      const left = x < step ? 0 : out[start + x - step], corner = x < step ? 0 : above[x - step];
      out[start + x] = data[from + x] + guess(left, above[x], corner);
    }
    out.copy(above, 0, start, start + stride);
  }
  return out;
}

const keyAt = (samples, at) => (samples[at] << 16) | (samples[at + 1] << 8) | samples[at + 2];

function distance(a, b) {
  const red = (a >> 16) - (b >> 16), green = ((a >> 8) & 255) - ((b >> 8) & 255), blue = (a & 255) - (b & 255);
  return red * red + green * green + blue * blue;
}

/** The most frequent colours as they are; what is rarer (edges of letters) takes the nearest of them. */
function paint(samples, step) {
  const counts = new Map(), pixels = Buffer.alloc(samples.length / step);
  for (let at = 0; at < samples.length; at += step) {
    const key = keyAt(samples, at);
    counts.set(key, (counts.get(key) || 0) + 1);
  }
  const all = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const palette = all.slice(0, COLOURS_MAX), indices = new Map(palette.map((key, index) => [key, index]));
  for (const key of all.slice(COLOURS_MAX)) {
    let best = 0;
    for (let index = 1; index < palette.length; index += 1) {
      best = distance(key, palette[index]) < distance(key, palette[best]) ? index : best;
    }
    indices.set(key, best);
  }
  for (let at = 0; at < pixels.length; at += 1) {
    pixels[at] = indices.get(keyAt(samples, at * step));
  }
  return { palette, pixels };
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

function crc(data) {
  let value = ~0;
  for (const byte of data) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    }
  }
  return ~value >>> 0;
}

export function shrink(png) {
  const parts = chunks(png);
  const head = Buffer.from(parts[0][1]);
  const width = head.readUInt32BE(0), height = head.readUInt32BE(4), step = head[9] === 6 ? 4 : 3;
  const raw = zlib.inflateSync(Buffer.concat(parts.filter(([name]) => name === "IDAT").map(([, data]) => data)));
  const samples = unfilter(raw, height, width * step, step);
  const { palette, pixels } = paint(samples, step);
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y += 1) {
    pixels.copy(rows, y * (width + 1) + 1, y * width, (y + 1) * width);
  }
  head[9] = 3;
  const colours = Buffer.from(palette.flatMap((key) => [key >> 16, (key >> 8) & 255, key & 255]));
  return Buffer.concat([png.subarray(0, SIGNATURE), chunk("IHDR", head), chunk("PLTE", colours),
    chunk("IDAT", zlib.deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

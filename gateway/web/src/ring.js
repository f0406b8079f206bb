// The newest minutes of one number, in buckets of equal length. Holds as much after a day as after a
// quarter of an hour.

export class Ring {
  constructor(spanMs, count) {
    this.step = spanMs / count;
    this.count = count;
    this.buckets = []; // {index, min, max, last, isBad}, ascending; indices may be missing
    this.version = 0; // grows when the picture changes
  }

  add(time, value, isBad = false) {
    const index = Math.floor(time / this.step);
    const newest = this.buckets[this.buckets.length - 1];
    if (newest && index < newest.index) {
      return;
    }
    if (!newest || index > newest.index) {
      this.buckets.push({ index, min: value, max: value, last: value, isBad });
      while (this.buckets[0].index <= index - this.count) {
        this.buckets.shift();
      }
      this.version += 1;
    } else if (isBad || newest.isBad) {
      newest.isBad = true;
      newest.last = value;
    } else {
      newest.min = Math.min(newest.min, value);
      newest.max = Math.max(newest.max, value);
      newest.last = value;
    }
  }

  /** From the answer of /api/history: [t, min, max, last, quality]. */
  fill(points) {
    const live = this.buckets;
    this.buckets = [];
    for (const [time, min, max, last, quality] of points) {
      this.add(time, min === null ? 0 : min, quality === 2);
      if (quality !== 2 && max !== null) {
        this.add(time, max);
        this.add(time, last);
      }
    }
    const newest = this.buckets.length ? this.buckets[this.buckets.length - 1].index : -Infinity;
    this.buckets.push(...live.filter((bucket) => bucket.index > newest));
    this.version += 1;
  }

  range() {
    const good = this.buckets.filter((bucket) => !bucket.isBad);
    return good.length
      ? [Math.min(...good.map((b) => b.min)), Math.max(...good.map((b) => b.max))] : null;
  }
}

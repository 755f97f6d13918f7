// What the network makes of the plane, or of the pictures held out. See glassnet/playground/picture.py.

import { inputsOf } from "./data.js";

const SIDE = 90, // points along each edge
  UNIT_SIDE = 30,
  MOST_UNITS = 40; // of a larger network fewer points are drawn while it learns, so that pictures follow each other quickly
const SHOWN_IMAGES = 40;

class Picture {
  constructor(session) {
    this.session = session;
    const { extent, train, test, task, isImage } = session.examples;
    this.range = [0, 1];
    if (task === "numbers") this.range = [Math.min(...train.y), Math.max(...train.y)];
    this.shown = Math.min(SHOWN_IMAGES, test.count);
    if (isImage) return;
    this.isLarge = session.setting.hidden.reduce((sum, own) => sum + own, 0) > MOST_UNITS;
    this.grids = new Map();
  }

  // The points of a picture of that side, as the network gets them.
  grid(side) {
    if (!this.grids.has(side)) {
      const [left, right, bottom, top] = this.session.examples.extent,
        points = new Float32Array(2 * side ** 2);
      for (let place = 0; place < side ** 2; place++) {
        const [row, column] = [Math.floor(place / side), place % side];
        points[2 * place] = left + ((right - left) * (column + 0.5)) / side;
        points[2 * place + 1] = bottom + ((top - bottom) * (side - 1 - row + 0.5)) / side;
      }
      this.grids.set(side, inputsOf(points, this.session.setting.inputs));
    }
    return this.grids.get(side);
  }

  // The arrays of a frame.
  draw(isPlaying) {
    const { net, examples } = this.session;
    if (examples.isImage) return this.readings();
    const side = this.isLarge && isPlaying ? UNIT_SIDE : SIDE,
      every = side / UNIT_SIDE;
    const plan = net.predict(this.grid(side), side ** 2);
    const few = Int32Array.from(
      { length: UNIT_SIDE ** 2 },
      (_, place) => every * (Math.floor(place / UNIT_SIDE) * side + (place % UNIT_SIDE)),
    );
    return { units: hiddenUnits(plan, few), answers: this.answers(plan.outputs) };
  }

  answers(outputs) {
    const { task, loss } = this.session.examples;
    const size = outputs.length / this.session.net.width;
    if (task === "classes") {
      const found = new Uint8Array(2 * size),
        chances = softmax(outputs, this.session.net.width);
      for (let place = 0; place < size; place++) {
        const best = (found[place] = this.session.classOf(outputs, place));
        found[size + place] = byteOf(chances[place * this.session.net.width + best]);
      }
      return found;
    }
    const [low, high] = this.range;
    const share = {
      binary_cross_entropy: (value) => 1 / (1 + Math.exp(-value)),
      hinge: (value) => (value + 1) / 2,
    }[loss];
    const numbers = task === "numbers" ? (value) => (value - low) / (high - low || 1) : (value) => value;
    return Uint8Array.from(outputs, (value) => byteOf((share ?? numbers)(value)));
  }

  readings() {
    const { net, examples } = this.session;
    const plan = net.predict(examples.test.x.subarray(0, examples.inputs * this.shown), this.shown);
    const chances = softmax(plan.outputs, net.width);
    const guesses = Uint8Array.from({ length: this.shown }, (_, row) => this.session.classOf(plan.outputs, row));
    const maps = net.filters ? { maps: plan.hidden[0].slice() } : {};
    const hidden = plan.hidden.slice(net.filters ? 1 : 0);
    const signals = hiddenUnits({ ...plan, hidden }, Int32Array.from(guesses.keys()));
    return { ...maps, signals, guesses, chances };
  }
}

// The values of each hidden unit (units, rows) at some of the rows as bytes, by its largest absolute value: 128 is 0.
function hiddenUnits({ hidden, rows }, chosen) {
  const count = hidden.reduce((sum, values) => sum + values.length / rows, 0);
  const bytes = new Uint8Array(count * chosen.length);
  let start = 0;
  for (const values of hidden) {
    const width = values.length / rows;
    for (let unit = 0; unit < width; unit++, start += chosen.length) {
      let largest = 0;
      for (const row of chosen) largest = Math.max(largest, Math.abs(values[row * width + unit] || 0));
      for (let place = 0; place < chosen.length; place++)
        bytes[start + place] = 128 + (127 * (values[chosen[place] * width + unit] || 0)) / (largest || 1);
    }
  }
  return bytes;
}

function softmax(outputs, width) {
  const chances = new Float32Array(outputs.length);
  for (let start = 0; start < outputs.length; start += width) {
    const own = outputs.subarray(start, start + width);
    const most = Math.max(...own);
    const parts = Array.from(own, (value) => Math.exp(value - most));
    const total = parts.reduce((sum, part) => sum + part, 0);
    chances.set(
      parts.map((part) => part / total),
      start,
    );
  }
  return chances;
}

function byteOf(share) {
  return Math.round(255 * Math.max(0, Math.min(1, share || 0)));
}

export { Picture };

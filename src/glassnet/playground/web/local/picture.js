// What the network makes of the plane, or of the pictures held out. See glassnet/playground/picture.py.

import { inputsOf } from "./data.js";

const SIDE = 90, // points along each edge; of a large network fewer, so that pictures follow each other quickly
  UNIT_SIDE = 30,
  MOST_UNITS = 40;
const SHOWN_IMAGES = 40;

class Picture {
  constructor(session) {
    this.session = session;
    const { extent, train, test, task, isImage } = session.examples;
    this.range = [0, 1];
    if (task === "numbers") this.range = [Math.min(...train.y), Math.max(...train.y)];
    this.shown = Math.min(SHOWN_IMAGES, test.count);
    if (isImage) return;
    const units = session.setting.hidden.reduce((sum, own) => sum + own, 0);
    this.side = units > MOST_UNITS ? 2 * UNIT_SIDE : SIDE;
    this.every = this.side / UNIT_SIDE;
    const [left, right, bottom, top] = extent,
      points = new Float32Array(2 * this.side ** 2);
    for (let place = 0; place < this.side ** 2; place++) {
      const [row, column] = [Math.floor(place / this.side), place % this.side];
      points[2 * place] = left + ((right - left) * (column + 0.5)) / this.side;
      points[2 * place + 1] = bottom + ((top - bottom) * (this.side - 1 - row + 0.5)) / this.side;
    }
    this.grid = inputsOf(points, session.setting.inputs);
  }

  // The arrays of a frame.
  draw() {
    const { net, examples } = this.session;
    if (examples.isImage) return this.readings();
    const plan = net.predict(this.grid, this.side ** 2);
    const few = Int32Array.from(
      { length: UNIT_SIDE ** 2 },
      (_, place) => this.every * (Math.floor(place / UNIT_SIDE) * this.side + (place % UNIT_SIDE)),
    );
    return { units: hiddenUnits(plan, few), answers: this.answers(plan.outputs) };
  }

  answers(outputs) {
    const { task, loss } = this.session.examples;
    const size = this.side ** 2;
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
    return { signals: hiddenUnits(plan, guesses.keys()), guesses, chances };
  }
}

// The values of each hidden unit (units, rows) at some of the rows as bytes, by its largest absolute value: 128 is 0.
function hiddenUnits({ hidden, rows }, chosen) {
  const places = [...chosen],
    bytes = [];
  for (const values of hidden) {
    const width = values.length / rows;
    for (let unit = 0; unit < width; unit++) {
      const own = places.map((row) => values[row * width + unit] || 0);
      const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
      for (const value of own) bytes.push(Math.round(127.5 + (127 * value) / largest));
    }
  }
  return Uint8Array.from(bytes);
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

// What the network makes of the plane, or of the pictures held out. See glassnet/playground/picture.py.

import { inputsOf } from "./data.js";

const SIDE = 90,
  EVERY = 3;
const SHOWN_IMAGES = 40;

class Picture {
  constructor(session) {
    this.session = session;
    const { extent, train, test, task, isImage } = session.examples;
    this.range = [0, 1];
    if (task === "numbers") this.range = [Math.min(...train.y), Math.max(...train.y)];
    this.shown = Math.min(SHOWN_IMAGES, test.count);
    if (isImage) return;
    const names = session.setting.inputs;
    const at = (side, every) => {
      const [left, right, bottom, top] = extent,
        points = new Float32Array(2 * side * side);
      for (let place = 0; place < side * side; place++) {
        const [row, column] = [Math.floor(place / side) * every, (place % side) * every];
        points[2 * place] = left + ((right - left) * (column + 0.5)) / SIDE;
        points[2 * place + 1] = bottom + ((top - bottom) * (SIDE - 1 - row + 0.5)) / SIDE;
      }
      return inputsOf(points, names);
    };
    this.grid = at(SIDE, 1);
    this.few = at(SIDE / EVERY, EVERY);
  }

  // The arrays of a frame.
  draw() {
    const { net, examples } = this.session;
    if (examples.isImage) return this.readings();
    const few = net.predict(this.few, (SIDE / EVERY) ** 2);
    const units = hiddenUnits(few);
    return { units, answers: this.answers(net.predict(this.grid, SIDE * SIDE).outputs) };
  }

  answers(outputs) {
    const { task, loss } = this.session.examples;
    const size = SIDE * SIDE;
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
    return { signals: hiddenUnits(plan), guesses, chances };
  }
}

// The values of each hidden unit (units, rows) as bytes, by its largest absolute value: 128 is 0.
function hiddenUnits({ hidden, rows }) {
  const count = hidden.reduce((sum, values) => sum + values.length / rows, 0);
  const bytes = new Uint8Array(count * rows);
  let unit = 0;
  for (const values of hidden) {
    const width = values.length / rows;
    for (let own = 0; own < width; own++, unit++) {
      let largest = 0;
      for (let row = 0; row < rows; row++) largest = Math.max(largest, Math.abs(values[row * width + own]) || 0);
      for (let row = 0; row < rows; row++)
        bytes[unit * rows + row] = Math.round(127.5 + (127 * (values[row * width + own] || 0)) / (largest || 1));
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

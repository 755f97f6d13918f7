// What is to be learned, row for row what glassnet/playground/generators.py and examples.py make.

import { DIGITS } from "./digits.js";
import { Generator, generatorFor } from "./random.js";

const TASKS = { blobs: "classes", digits: "classes", plane: "numbers" };
const MARGIN = 1.2;

const columns = (rows, make) => {
  const x = new Float64Array(2 * rows);
  for (let row = 0; row < rows; row++) x.set(make(row), 2 * row);
  return x;
};

// Points of the plane in float64, before the noise, and labels or numbers.
const MAKERS = {
  xor(rows, rng) {
    const drawn = rng.uniform(-1, 1, 2 * rows);
    const x = drawn.map((value) => value + 0.05 * Math.sign(value));
    return { x, y: Int32Array.from({ length: rows }, (_, row) => (x[2 * row] * x[2 * row + 1] > 0 ? 1 : 0)) };
  },
  circle(rows, rng) {
    const inner = rng.uniform(0, 1, rows),
      outer = rng.uniform(0.7, 1, rows),
      angle = rng.uniform(0, 2 * Math.PI, rows);
    return turning(rows, (row) => [
      (row % 2 ? 0.5 * Math.sqrt(inner[row]) : outer[row]) * Math.cos(angle[row]),
      (row % 2 ? 0.5 * Math.sqrt(inner[row]) : outer[row]) * Math.sin(angle[row]),
    ]);
  },
  moons(rows, rng) {
    const angle = rng.uniform(0, Math.PI, rows);
    return turning(rows, (row) => {
      const side = row % 2 ? 1 : -1;
      return [0.6 * Math.cos(angle[row]) * side - 0.3 * side, 0.6 * Math.sin(angle[row]) * side - 0.15 * side];
    });
  },
  spiral(rows, rng) {
    const radius = rng.uniform(0.005, 1, rows).map(Math.sqrt);
    return turning(rows, (row) => {
      const angle = 1.75 * 2 * Math.PI * radius[row] + Math.PI * (row % 2);
      return [radius[row] * Math.sin(angle), radius[row] * Math.cos(angle)];
    });
  },
  blobs(rows) {
    const centres = [
      [-0.5, -0.45],
      [0.55, -0.55],
      [-0.4, 0.55],
      [0.5, 0.4],
    ];
    return { x: columns(rows, (row) => centres[row % 4]), y: Int32Array.from({ length: rows }, (_, row) => row % 4) };
  },
  plane(rows, rng) {
    return { x: rng.uniform(-1, 1, 2 * rows), y: null };
  },
};
const NOISE = { spiral: (noise) => noise * 0.5, blobs: (noise) => 0.1 + noise, plane: () => 0 };

function turning(rows, point) {
  return { x: columns(rows, point), y: Int32Array.from({ length: rows }, (_, row) => row % 2) };
}

function madeRows({ dataset, rows, noise, seed }) {
  const rng = new Generator(seed);
  const { x, y } = MAKERS[dataset](rows, rng);
  const drawn = rng.normal(dataset === "plane" ? rows : 2 * rows);
  const share = NOISE[dataset]?.(noise) ?? noise;
  const points = Float32Array.from(x, (value, place) => (dataset === "plane" ? value : value + share * drawn[place]));
  if (y) return { points, y };
  return { points, y: Float32Array.from(drawn, (value, row) => (x[2 * row] + x[2 * row + 1]) / 2 + noise * value) };
}

const TURN = Math.fround(2 * Math.PI); // in float32, as the points are
const INPUTS = {
  x1: (a) => a,
  x2: (_, b) => b,
  x1_squared: (a) => a * a,
  x2_squared: (_, b) => b * b,
  x1_x2: (a, b) => a * b,
  sin_x1: (a) => Math.sin(Math.fround(TURN * a)),
  sin_x2: (_, b) => Math.sin(Math.fround(TURN * b)),
};

// What the network is given of points of the plane (rows, 2).
function inputsOf(points, names) {
  const found = new Float32Array((points.length / 2) * names.length);
  for (let row = 0; row < points.length / 2; row++)
    names.forEach((name, i) => {
      found[row * names.length + i] = INPUTS[name](points[2 * row], points[2 * row + 1]);
    });
  return found;
}

// Which rows are held out; with labels each class keeps its share. See glassnet/core/splits.py.
function heldOut(count, share, labels, seed) {
  const order = generatorFor(seed, "split").permutation(count);
  const total = evenly(count * share);
  let chosen = order.subarray(0, total);
  if (labels) {
    const members = [];
    for (const row of order) (members[labels[row]] ??= []).push(row);
    const classes = members.filter(Boolean);
    const parts = partsOf(
      classes.map((own) => own.length),
      total,
      share,
    );
    chosen = classes.flatMap((own, i) => own.slice(0, parts[i]));
  }
  const mask = new Uint8Array(count);
  for (const row of chosen) mask[row] = 1;
  return mask;
}

function partsOf(counts, total, share) {
  const ideal = counts.map((count) => evenly(count * share * 1e9) / 1e9);
  const alone = counts.some((count) => count > 1) ? 0 : 1;
  const low = counts.map((count, i) => (count > 1 ? Math.max(Math.floor(ideal[i]), 1) : 0));
  const high = counts.map((count, i) => (count > 1 ? Math.min(Math.ceil(ideal[i]), count - 1) : alone));
  const order = counts.map((_, i) => i).sort((a, b) => low[a] - ideal[a] - (low[b] - ideal[b]) || a - b);
  const left = total - low.reduce((sum, part) => sum + part, 0);
  for (const i of order.filter((i) => high[i] > low[i]).slice(0, Math.max(0, left))) low[i]++;
  return low;
}

// Rounded as Python rounds: a half goes to the even number.
function evenly(value) {
  const floor = Math.floor(value);
  if (value - floor === 0.5) return floor % 2 ? floor + 1 : floor;
  return Math.round(value);
}

function digitRows() {
  const bytes = Uint8Array.from(atob(DIGITS), (letter) => letter.charCodeAt(0));
  const count = bytes.length / 65;
  return { pixels: Float32Array.from(bytes.subarray(0, 64 * count)), y: Int32Array.from(bytes.subarray(64 * count)) };
}

function rowsWhere(values, width, keep) {
  return values.filter((_, place) => keep(Math.floor(place / width)));
}

// The rows of a setting in two parts, `train` and `test`: x as it is made, points of the plane, y, targets for the loss.
function examplesOf(setting, losses) {
  const { dataset } = setting;
  const isImage = dataset === "digits";
  const task = TASKS[dataset] ?? "binary";
  const loss = setting.loss || losses[task][0];
  const { points = null, pixels = null, y } = isImage ? digitRows() : madeRows(setting);
  const mask = heldOut(y.length, setting.held_out, task === "numbers" ? null : y, setting.seed);
  const inputs = isImage ? 64 : setting.inputs.length;
  const parts = [0, 1].map((side) => {
    const keep = (row) => mask[row] === side;
    const own = { y: rowsWhere(y, 1, keep), points: points && rowsWhere(points, 2, keep) };
    const x = isImage ? rowsWhere(pixels, 64, keep).map((value) => value / 16) : inputsOf(own.points, setting.inputs);
    return { ...own, x, count: own.y.length, targets: targetsOf(own.y, task, loss) };
  });
  const outputs = task === "classes" ? 1 + y.reduce((most, label) => Math.max(most, label), 0) : 1;
  return {
    train: parts[0],
    test: parts[1],
    task,
    loss,
    inputs,
    outputs,
    isImage,
    extent: [-MARGIN, MARGIN, -MARGIN, MARGIN],
  };
}

function targetsOf(y, task, loss) {
  if (task !== "binary") return y;
  return Float32Array.from(y, (label) => (loss === "hinge" ? 2 * label - 1 : label));
}

export { examplesOf, inputsOf };

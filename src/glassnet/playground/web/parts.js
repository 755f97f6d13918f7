// Weights and units by name: where they lie among the parameters, and what is said of them.

import { write } from "./explain.js";
import { t } from "./words.js";

// A weight's or a unit's number among the parameters, its name in formulas, and the layer that it belongs to.
function partOf(structure, { wire, unit }) {
  if (wire) {
    const layer = wire.layer + 1;
    const own = { place: wire.place, layer, path: wire.path, array: "dweight" };
    if (!wire.isFilter) return { ...own, name: `W[${wire.i}, ${wire.j}]`, row: wire.i, column: wire.j };
    const size = structure.kernel_size,
      [a, b] = [Math.floor(wire.i / size), wire.i % size];
    return { ...own, name: `W[${wire.j}, 0, ${a}, ${b}]`, row: wire.j * size + a, column: b };
  }
  const biases = structure.layout.filter((part) => part.path.endsWith("bias"));
  const own = biases[unit.layer - 1];
  const path = own.path.replace(/\.?bias$/, "");
  const place = own.start + unit.index;
  return { place, name: `b[${unit.index}]`, layer: unit.layer, path, array: "dbias", row: 0, column: unit.index };
}

// One weight of a wire that stands for many.
function weightOfBundle(wire, number) {
  const i = wire.isFilter ? number : wire.i * wire.bundle.length + number;
  return { ...wire, i, place: wire.bundle[number], bundle: null, whole: wire, number };
}

// Whether a unit is the map of a filter.
function isMap(structure, unit) {
  return unit?.layer === 1 && structure.kernel_size > 0;
}

// Name, value and gradient, as lines.
function linesOf(structure, frame, what) {
  if (what.wire?.bundle) return [t("many_weights", what.wire.bundle.length)];
  if (what.unit?.layer === 0) return [structure.features[what.unit.index]];
  const { place, name, layer } = partOf(structure, what);
  const { parameters, gradients } = frame.arrays;
  const lines = [
    `${t("weight_tip", layer)} ${name} = ${write(parameters[place], 4)}`,
    `∂L/∂${name} = ${write(gradients[place], 4)}`,
  ];
  if (what.unit && deathOf(structure, frame, what.unit)) lines.push(t("dead_unit"));
  return lines;
}

// The number of a hidden unit among all of them.
function numberOf(structure, { layer, index }) {
  return structure.units.slice(1, layer).reduce((sum, count) => sum + count, 0) + index;
}

// The place of the state in which a hidden unit was dead for the first time, as [place]; null for one that lives.
function deathOf(structure, frame, unit) {
  if (unit.layer === 0 || unit.layer === structure.units.length - 1) return null;
  const found = frame.deaths.find(([dead]) => dead === numberOf(structure, unit));
  return found ? [found[1]] : null;
}

export { deathOf, isMap, linesOf, numberOf, partOf, weightOfBundle };

// Weights and units by name: where they lie among the parameters, and what is said of them.

import { write } from "./explain.js";
import { t } from "./words.js";

// A weight's or a unit's number among the parameters, its name in formulas, and the layer that it belongs to.
function partOf(structure, { wire, unit }) {
  if (wire) {
    const layer = wire.layer + 1;
    return { place: wire.place, name: `W[${wire.i}, ${wire.j}]`, layer, path: wire.path, array: "dweight" };
  }
  const biases = structure.layout.filter((part) => part.path.endsWith("bias"));
  const own = biases[unit.layer - 1];
  const path = own.path.replace(/\.?bias$/, "");
  return { place: own.start + unit.index, name: `b[${unit.index}]`, layer: unit.layer, path, array: "dbias" };
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

export { deathOf, linesOf, numberOf, partOf };

// A setting that came from a link is proven or refused, as glassnet/playground/settings.py does it.

import { FACTS } from "./recipes.js";

class Refused extends Error {
  constructor(where, received, expected, fix) {
    super(received);
    this.parts = { where, received, expected, fix };
  }
}

function refuse(name, value, expected) {
  const shown = JSON.stringify(value) ?? String(value);
  throw new Refused("setting", `${name}=${shown.slice(0, 60)}`, expected, "choose another on the page");
}

function isWhole(value, low, high) {
  return Number.isInteger(value) && value >= low && value <= high;
}

// The whole setting: what is not given has its usual value.
function settingOf(given) {
  const setting = { ...FACTS.setting, ...given };
  const { ranges, shares, choices, most } = FACTS;
  for (const name of Object.keys(setting))
    if (!(name in FACTS.setting)) refuse(name, setting[name], "a name of a setting");
  for (const [name, allowed] of Object.entries(choices))
    if (!allowed.includes(setting[name])) refuse(name, setting[name], `one of ${allowed.filter(Boolean).join(", ")}`);
  for (const [name, [low, high]] of Object.entries(ranges))
    if (!isWhole(setting[name], low, high)) refuse(name, setting[name], `a whole number from ${low} to ${high}`);
  for (const [name, [low, high]] of Object.entries(shares))
    if (!(Number.isFinite(setting[name]) && setting[name] >= low && setting[name] <= high))
      refuse(name, setting[name], `a number from ${low} to ${high}`);
  if (!(setting.learning_rate > 0)) refuse("learning_rate", setting.learning_rate, "a number above 0");
  const { hidden, inputs } = setting;
  if (!Array.isArray(hidden) || hidden.length > most.layers || !hidden.every((units) => isWhole(units, 1, most.units)))
    refuse("hidden", hidden, `at most ${most.layers} layers of 1 to ${most.units} units`);
  const known = Object.keys(FACTS.inputs);
  if (
    !Array.isArray(inputs) ||
    !inputs.length ||
    known.filter((name) => inputs.includes(name)).join() !== inputs.join()
  )
    refuse("inputs", inputs, `some of ${known.join(", ")}, in that order`);
  for (const name of ["batch_norm", "pooling"])
    if (typeof setting[name] !== "boolean") refuse(name, setting[name], "true or false");
  return { ...setting, axes: [0, 1], target: "" };
}

export { Refused, settingOf };

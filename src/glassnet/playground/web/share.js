// A setting in the address: everything after "#".

import { hiddenNames } from "./hide.js";

const NUMBERS = [
  "rows",
  "noise",
  "held_out",
  "learning_rate",
  "l1",
  "l2",
  "batch_size",
  "seed",
  "dropout",
  "filters",
  "kernel_size",
];
const LISTS = ["hidden", "axes"];
const NAMES = ["inputs"];
const SWITCHES = ["batch_norm", "pooling"];
const TEXTS = ["dataset", "activation", "loss", "optimizer", "target"];

function toHash(setting) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(setting)) if (String(value) !== "") fields.set(name, String(value));
  if (hiddenNames().length) fields.set("hide", hiddenNames().join(","));
  return `#${fields.toString().replaceAll("%2C", ",")}`;
}

// What the address holds, or null; whether it can be used the server says.
function fromHash(hash) {
  const setting = {};
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (NUMBERS.includes(name)) setting[name] = Number(text);
    else if (LISTS.includes(name)) setting[name] = text === "" ? [] : text.split(",").map(Number);
    else if (NAMES.includes(name)) setting[name] = text.split(",");
    else if (SWITCHES.includes(name)) setting[name] = text === "true";
    else if (TEXTS.includes(name)) setting[name] = text;
  }
  if (!Object.keys(setting).length) return null;
  if (!("hidden" in setting)) setting.hidden = [];
  return setting;
}

export { fromHash, toHash };

// The card of a weight or a unit that was chosen: its value, which may be changed, its gradient, and what explains them.

import { setUpCells, showCells } from "./cells.js";
import { write } from "./explain.js";
import { SIDE } from "./maps.js";
import { deathOf, isMap, partOf, weightOfBundle } from "./parts.js";
import { setUpPatch, showPatch } from "./patch.js";
import { label, t } from "./words.js";

const box = document.getElementById("card"),
  value = document.getElementById("card-value");
const $ = (id) => document.getElementById(id);
let structure = null,
  frame = null,
  what = null, // {wire} or {unit}; `patch` beside it, a place of a filter: {filter, pixel}
  calls = {};

// `actions`: changeWeight(place, value), explain(part), goTo(place), mark(unit or null), chosenImage(), showPlace(place).
function setUpCard(actions) {
  calls = actions;
  $("card-close").addEventListener("click", closeCard);
  $("card-gradient").addEventListener("click", () => explain(false));
  $("card-output").addEventListener("click", () => explain(true));
  $("card-unit").addEventListener("click", () => {
    const { wire } = what;
    openCard({ unit: { layer: wire.layer + 1, index: wire.j } });
  });
  $("card-death").addEventListener("click", () => calls.goTo(deathOf(structure, frame, what.unit)[0]));
  value.addEventListener("change", () => {
    if (value.value !== "" && Number.isFinite(Number(value.value)))
      calls.changeWeight(partOf(structure, what).place, Number(value.value));
  });
  setUpCells($("card-weights"));
  setUpPatch({
    move: (pixel) => {
      what.patch.pixel = pixel;
      show();
    },
    choose: (number) => open({ wire: weightOfBundle(filterOf(what), number), patch: what.patch }),
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    closeCard();
    document.getElementById("wires").focus();
  });
}

function explain(isOutput) {
  const { path, array, row, column } = partOf(structure, what);
  const { wire, unit, patch } = what;
  if (wire?.bundle) return calls.explain({ phase: "backward", path, array: null });
  if (!isOutput) return calls.explain({ phase: "backward", path, array, row, column });
  const at = patch ? [unit.index * SIDE + Math.floor(patch.pixel / SIDE), patch.pixel % SIDE] : [0, unit.index];
  calls.explain({ phase: "forward", path, array: "y", row: at[0], column: at[1] });
}

// The wire of a filter, as it is on the diagram, for a weight or a map that is chosen.
function filterOf({ wire, unit }) {
  return wire?.whole ?? wire ?? calls.wireTo(unit);
}

function setCardStructure(found) {
  structure = found;
  frame = null;
  closeCard();
}

function setCardFrame(found) {
  frame = found;
  show();
}

function openCard(found) {
  const pixel = found.pixel ?? what?.patch?.pixel ?? SIDE * 3 + 3;
  const filter = isMap(structure, found.unit) ? found.unit.index : found.wire?.isFilter ? found.wire.j : -1;
  open({ ...found, patch: filter < 0 ? null : { filter, pixel } });
}

function open(found) {
  what = found;
  calls.mark(what.unit ?? null);
  show();
  if (box.hidden) return;
  box.scrollIntoView({ block: "nearest" });
  (what.wire?.bundle ? $("card-gradient") : value).focus({ preventScroll: true });
}

function closeCard() {
  what = null;
  box.hidden = true;
  showPatch(null);
  calls.showPlace?.(null);
  calls.mark?.(null);
}

// A filter's weights and the place where it is, or those from a picture to a unit: each may be chosen.
function showWeights() {
  const { wire, patch } = what;
  const whole = wire?.whole ?? wire;
  calls.showPlace(patch);
  showPatch(patch && { structure, frame, chosen: calls.chosenImage(), ...patch }, wire?.number ?? -1);
  const cells = $("card-weights");
  cells.hidden = Boolean(patch) || !whole?.bundle;
  if (cells.hidden) return;
  showCells(
    cells,
    whole.bundle.map((place) => frame.arrays.parameters[place]),
    {
      chosen: wire.number ?? -1,
      name: (number) => partOf(structure, { wire: weightOfBundle(whole, number) }).name,
      choose: (number) => open({ wire: weightOfBundle(whole, number), patch: null }),
    },
  );
}

function show() {
  box.hidden = !what || !frame;
  if (box.hidden) return;
  const { wire, unit } = what;
  const { place, name, layer } = partOf(structure, what);
  const bundle = wire?.bundle;
  const title = unit
    ? t(isMap(structure, unit) ? "filter_title" : "unit_title", layer, unit.index)
    : t("weight_title", layer, bundle ? "" : name);
  $("card-title").textContent = bundle ? `${title}${t("many_weights", bundle.length)}` : title;
  $("card-name").textContent = unit ? t("bias") : t("value");
  value.parentElement.hidden = Boolean(bundle);
  label(value, `${title} ${unit ? t("bias") : t("value")}`);
  if (document.activeElement !== value || value.dataset.place !== String(place))
    value.value = Number(frame.arrays.parameters[place].toPrecision(5));
  value.dataset.place = place;
  $("card-slope").textContent = bundle ? "" : `∂L/∂${name} = ${write(frame.arrays.gradients[place], 4)}`;
  $("card-unit").hidden = !wire;
  $("card-output").hidden = !unit;
  showWeights();
  const death = unit && deathOf(structure, frame, unit);
  $("card-dead").hidden = !death;
  if (!death) return;
  const [first] = death;
  const epochs = frame.kept;
  $("card-dead-text").textContent = first ? t("died_between", epochs[first - 1], epochs[first]) : t("dead_from_start");
  $("card-death").hidden = first === 0 || frame.place === first;
}

export { closeCard, openCard, setCardFrame, setCardStructure, setUpCard, show as refreshCard };

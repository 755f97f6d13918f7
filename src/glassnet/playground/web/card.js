// The card of a weight or a unit that was chosen: its value, which may be changed, its gradient, and what explains them.

import { write } from "./explain.js";
import { deathOf, partOf } from "./parts.js";
import { label, t } from "./words.js";

const box = document.getElementById("card"),
  value = document.getElementById("card-value");
const $ = (id) => document.getElementById(id);
let structure = null,
  frame = null,
  what = null, // {wire} or {unit}
  calls = {};

// `actions`: changeWeight(place, value), explain(part), goTo(place), mark(unit or null), choose(unit).
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
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    closeCard();
    document.getElementById("wires").focus();
  });
}

function explain(isOutput) {
  const { path, array } = partOf(structure, what);
  const { wire, unit } = what;
  if (wire?.bundle) return calls.explain({ phase: "backward", path, array: null });
  if (isOutput) return calls.explain({ phase: "forward", path, array: "y", row: 0, column: unit.index });
  calls.explain({ phase: "backward", path, array, row: wire?.i ?? 0, column: wire?.j ?? unit.index });
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
  calls.mark?.(null);
}

function show() {
  box.hidden = !what || !frame;
  if (box.hidden) return;
  const { wire, unit } = what;
  const { place, name, layer } = partOf(structure, what);
  const bundle = wire?.bundle;
  const title = unit ? t("unit_title", layer, unit.index) : t("weight_title", layer, bundle ? "" : name);
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
  const death = unit && deathOf(structure, frame, unit);
  $("card-dead").hidden = !death;
  if (!death) return;
  const [first] = death;
  const epochs = frame.kept;
  $("card-dead-text").textContent = first ? t("died_between", epochs[first - 1], epochs[first]) : t("dead_from_start");
  $("card-death").hidden = first === 0 || frame.place === first;
}

export { closeCard, openCard, setCardFrame, setCardStructure, setUpCard };

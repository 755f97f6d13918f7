// What the network is given of a point of the plane: the choice, and small pictures of each.

import { fromRamp, pictureOf } from "./colours.js";
import { label, t } from "./words.js";

const box = document.getElementById("inputs");
const SIDE = 30,
  EDGE = 1.2;
const INPUTS = {
  x1: ["x₁", (x) => x],
  x2: ["x₂", (_, y) => y],
  x1_squared: ["x₁²", (x) => x * x],
  x2_squared: ["x₂²", (_, y) => y * y],
  x1_x2: ["x₁x₂", (x, y) => x * y],
  sin_x1: ["sin 2πx₁", (x) => Math.sin(2 * Math.PI * x)],
  sin_x2: ["sin 2πx₂", (_, y) => Math.sin(2 * Math.PI * y)],
};

// The buttons; at least one input stays.
function showInputs({ setting, inputs }, change) {
  box.hidden = !inputs.length;
  if (box.hidden) return;
  const focused = document.activeElement?.dataset.input;
  box.setAttribute("aria-label", t("inputs_chosen"));
  box.replaceChildren(
    ...Object.entries(INPUTS).map(([name, [text]]) => {
      const button = document.createElement("button");
      const isOn = setting.inputs.includes(name);
      button.textContent = text;
      button.dataset.input = name;
      button.setAttribute("aria-pressed", isOn);
      button.disabled = isOn && setting.inputs.length === 1;
      label(button, t(isOn ? "without_input" : "with_input", text));
      button.addEventListener("click", () => change((asked) => ({ inputs: toggled(asked.inputs, name) })));
      return button;
    }),
  );
  if (focused) box.querySelector(`[data-input="${focused}"]`)?.focus();
}

// With an input, or without it; the last one stays.
function toggled(inputs, name) {
  const others = Object.keys(INPUTS).filter((other) => inputs.includes(other) !== (other === name));
  return others.length ? others : inputs;
}

// Paints how an input runs over the plane.
function paintInput(canvas, name) {
  const [, value] = INPUTS[name];
  pictureOf(canvas, SIDE, SIDE, (place) => {
    const x = EDGE * ((2 * ((place % SIDE) + 0.5)) / SIDE - 1);
    const y = EDGE * (1 - (2 * (Math.floor(place / SIDE) + 0.5)) / SIDE);
    return fromRamp(Math.round(127.5 + 127.5 * Math.max(-1, Math.min(1, value(x, y)))));
  });
}

export { paintInput, showInputs };

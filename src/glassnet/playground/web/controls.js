// The fields of a setting: what they offer, and what is told when one changes.

import { showInputs } from "./inputs.js";
import { drawThumbnail } from "./thumbnails.js";
import { has, label, t } from "./words.js";

const DATASETS = ["xor", "circle", "moons", "spiral", "blobs", "plane", "digits", "table"];
const MADE = DATASETS.slice(0, 6);
const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const STRENGTHS = [0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];
const FILTERS = [0, 1, 2, 3, 4, 6, 8];
const KERNEL_SIZES = [2, 3, 4, 5];
const DROPOUTS = [0, 0.1, 0.2, 0.3, 0.4, 0.5];
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const ACTIVATIONS = ["tanh", "relu", "sigmoid", "leaky_relu", "linear"];
const OPTIMIZERS = ["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw", "nadam", "lion"];
const datasets = document.getElementById("datasets"),
  dataFields = document.getElementById("data-fields");
const modelFields = document.getElementById("model-fields");

// Writes all fields for a structure; `change(part of a setting)` is called when one is changed, with a function of the
// setting that is asked for where the part depends on it,
// `adjust(name, value)` for what may change while the network learns.
function showControls(structure, change, adjust) {
  const focused = document.activeElement?.dataset.field;
  showDatasets(structure, change);
  const { setting, columns } = structure;
  const isMade = MADE.includes(setting.dataset);
  const fields = [];
  if (setting.dataset === "table") {
    const target = setting.target || columns.at(-1);
    fields.push(choice("target", columns, target, (value) => change({ target: value, axes: [0, 1], loss: "" })));
    const axes = structure.features.map((_, axis) => axis);
    if (axes.length > 1) {
      const pick = (place) => (value) =>
        change(({ axes }) => ({ axes: axes.map((axis, other) => (other === place ? value : axis)) }));
      fields.push(choice("axis_x", axes, setting.axes[0], pick(0), (axis) => structure.features[axis]));
      fields.push(choice("axis_y", axes, setting.axes[1], pick(1), (axis) => structure.features[axis]));
    }
  }
  if (isMade) {
    fields.push(slider("noise", setting.noise, [0, 0.5, 0.01], (value) => `${Math.round(100 * value)} %`, change));
    fields.push(slider("rows", setting.rows, [20, 2000, 20], String, change));
  }
  fields.push(
    slider("held_out", setting.held_out, [0.1, 0.9, 0.05], (value) => `${Math.round(100 * value)} %`, change),
  );
  fields.push(choice("batch_size", BATCHES, setting.batch_size, (value) => change({ batch_size: value })));
  fields.push(seedField(setting.seed, change));
  dataFields.replaceChildren(...fields);
  modelFields.replaceChildren(
    ...(structure.is_image ? convolutionFields(setting, change) : []),
    choice("activation", ACTIVATIONS, setting.activation, (value) => change({ activation: value })),
    choice("loss", structure.losses, setting.loss, (value) => change({ loss: value })),
    choice("optimizer", OPTIMIZERS, setting.optimizer, (value) => change({ optimizer: value })),
    choice("learning_rate", RATES, setting.learning_rate, (value) => adjust("learning_rate", value)),
    choice("l1", STRENGTHS, setting.l1, (value) => adjust("l1", value), strength),
    choice("l2", STRENGTHS, setting.l2, (value) => adjust("l2", value), strength),
    choice("batch_norm", [false, true], setting.batch_norm, (value) => change({ batch_norm: value }), onOff),
    choice("dropout", DROPOUTS, setting.dropout, (value) => change({ dropout: value }), percent),
  );
  document.getElementById("about-data").textContent = aboutRows(structure);
  showInputs(structure, change);
  if (focused) document.querySelector(`[data-field="${focused}"]`)?.focus();
}

function convolutionFields({ filters, kernel_size: size, pooling }, change) {
  const fields = [choice("filters", FILTERS, filters, (value) => change({ filters: value }), strength)];
  if (filters)
    fields.push(
      choice("pooling", [false, true], pooling, (value) => change({ pooling: value }), twoByTwo),
      choice(
        "kernel_size",
        KERNEL_SIZES,
        size,
        (value) => change({ kernel_size: value }),
        (side) => `${side} × ${side}`,
      ),
    );
  return fields;
}

function aboutRows({ rows, height }) {
  const [training, heldOut] = rows;
  const taken = training + heldOut;
  const note = height > taken ? `${t("sampled", height.toLocaleString("en"), taken.toLocaleString("en"))} ` : "";
  return note + t("about_rows", training, heldOut);
}

function strength(value) {
  return value === 0 ? t("none") : String(value);
}

function twoByTwo(value) {
  return value ? "2 × 2" : t("none");
}

function onOff(value) {
  return t(value ? "on" : "none");
}

function percent(value) {
  return value === 0 ? t("none") : `${Math.round(100 * value)} %`;
}

function showDatasets(structure, change) {
  const known = DATASETS.filter((name) => name !== "table" || structure.columns.length);
  datasets.replaceChildren(
    ...known.map((name) => {
      const button = document.createElement("button");
      const isChosen = structure.setting.dataset === name;
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", isChosen);
      button.tabIndex = isChosen ? 0 : -1;
      button.dataset.field = name;
      const picture = document.createElement("canvas");
      button.append(
        picture,
        Object.assign(document.createElement("span"), {
          textContent: name === "table" && structure.table ? structure.table : t(name),
        }),
      );
      button.addEventListener("click", () => change({ dataset: name, loss: "", axes: [0, 1], target: "" }));
      button.addEventListener("keydown", (event) => {
        const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        const next = datasets.children[(known.indexOf(name) + by + known.length) % known.length];
        next.focus();
        next.click();
      });
      drawThumbnail(picture, name);
      return button;
    }),
  );
}

function field(name, control) {
  const box = document.createElement("label");
  const text = Object.assign(document.createElement("span"), { className: "name", textContent: t(name) });
  control.dataset.field = name;
  control.setAttribute("aria-label", t(name));
  box.append(text, control);
  return box;
}

// A list of values; one that is not in it, from a shared link, is added.
function choice(name, values, chosen, changed, write = null) {
  const select = document.createElement("select");
  const all = values.includes(chosen)
    ? values
    : [...values, chosen].sort((a, b) => (typeof a === "number" ? a - b : 0));
  const text =
    write ?? ((value) => (typeof value === "string" && name !== "target" && has(value) ? t(value) : String(value)));
  all.forEach((value, place) => select.add(new Option(text(value), place, false, value === chosen)));
  select.addEventListener("change", () => changed(all[Number(select.value)]));
  return field(name, select);
}

function slider(name, value, [low, high, step], write, change) {
  const input = Object.assign(document.createElement("input"), { type: "range", min: low, max: high, step, value });
  const box = field(name, input);
  const shown = Object.assign(document.createElement("output"), { textContent: write(value) });
  box.className = "slider";
  box.append(shown);
  input.addEventListener("input", () => {
    shown.textContent = write(Number(input.value));
    change({ [name]: Number(input.value) });
  });
  return box;
}

function seedField(seed, change) {
  const input = Object.assign(document.createElement("input"), {
    type: "number",
    min: 0,
    max: 2147483647,
    step: 1,
    value: seed,
  });
  input.addEventListener(
    "change",
    () => Number.isInteger(Number(input.value)) && change({ seed: Number(input.value) }),
  );
  const box = field("seed", input);
  const other = Object.assign(document.createElement("button"), {
    type: "button",
    className: "small-round",
    textContent: "↻",
  });
  label(other, t("new_seed"));
  other.addEventListener("click", () => change((asked) => ({ seed: (asked.seed + 1) % 2147483648 })));
  const both = document.createElement("div");
  both.className = "with-button";
  both.append(box, other);
  return both;
}

export { showControls };

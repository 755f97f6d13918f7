// The network as it is now: wires by weight, boxes by what their units make of the plane.

import { css, fromRamp, mix, penOf, pictureOf, theme } from "./colours.js";
import { arrange, pointOn, unitAt, wireAt, wireBeside } from "./diagram.js";
import { write } from "./explain.js";
import { currentLanguage, label, t } from "./words.js";

const wiresCanvas = document.getElementById("wires"),
  columnsBox = document.getElementById("columns");
const hint = document.getElementById("hint"),
  spoken = document.getElementById("spoken");
const atlas = document.createElement("canvas"),
  answerPictures = [];
let structure = null,
  frame = null,
  diagram = null,
  current = null,
  calls = {},
  height = 0,
  chosen = 0;

// `actions`: changeUnits(layer, by), chooseWeight(wire), showUnit(unit or null).
function setUpNetwork(actions) {
  calls = actions;
  wiresCanvas.addEventListener("pointermove", (event) => point(event));
  wiresCanvas.addEventListener("pointerleave", leave);
  wiresCanvas.addEventListener("click", (event) => {
    point(event);
    if (current) calls.chooseWeight(current);
  });
  wiresCanvas.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow") && diagram) {
      current = wireBeside(diagram, current, event.key);
      showWire(current);
      draw();
      event.preventDefault();
    } else if (event.key === "Enter" && current) {
      calls.chooseWeight(current);
    }
  });
  wiresCanvas.addEventListener("blur", leave);
  new ResizeObserver(() => structure && layOut()).observe(document.getElementById("diagram"));
}

function setStructure(found) {
  structure = found;
  frame = null;
  current = null;
  chosen = 0;
  layOut();
}

function setFrame(found) {
  frame = found;
  if (structure.is_image) {
    drawFilters();
  } else if (frame.arrays.units.length) {
    const side = Math.sqrt(frame.arrays.units.length / unitCount());
    pictureOf(atlas, side, frame.arrays.units.length / side, (place) => fromRamp(frame.arrays.units[place]));
  }
  draw();
  if (current && !hint.hidden) writeHint(wireText(current));
}

function unitCount() {
  return structure.units.slice(1, -1).reduce((sum, count) => sum + count, 0);
}

// For pictures, the boxes of the first layer show their weights, one for each pixel.
function drawFilters() {
  const first = structure.layout[0];
  const [pixels, units] = first.shape,
    side = Math.sqrt(pixels);
  const { parameters } = frame.arrays;
  let largest = 1e-9;
  for (let place = 0; place < pixels * units; place++)
    largest = Math.max(largest, Math.abs(parameters[first.start + place]));
  pictureOf(atlas, side, side * units, (place) => {
    const unit = Math.floor(place / pixels),
      pixel = place % pixels;
    return fromRamp(Math.round(127.5 + 127 * (parameters[first.start + pixel * units + unit] / largest)));
  });
}

function layOut() {
  const box = document.getElementById("diagram");
  height = box.clientHeight - columnsBox.offsetHeight;
  diagram = arrange(structure, box.clientWidth, height - 8);
  columnsBox.replaceChildren(...diagram.columns.map(heading));
  label(wiresCanvas, t("wires_label"));
  draw();
}

// Above each column: how many units, and buttons for one more and one less.
function heading(column, layer) {
  const box = document.createElement("div");
  box.style.left = `${column[0].x}px`;
  box.style.width = `${diagram.spacing}px`;
  const isHidden = layer > 0 && layer < diagram.columns.length - 1;
  const count = structure.units[layer];
  if (!isHidden) {
    const name = layer > 0 ? "outputs" : structure.is_image ? "pixels" : "inputs";
    box.append(Object.assign(document.createElement("span"), { className: "column-name", textContent: t(name) }));
    return box;
  }
  const text = diagram.spacing > 84 ? t(count === 1 ? "unit" : "units", count) : String(count);
  const buttons = [
    [-1, "−", "fewer_units", count <= 1],
    [1, "+", "more_units", count >= 16],
  ].map(([by, sign, word, disabled]) => {
    const button = Object.assign(document.createElement("button"), {
      className: "small-round",
      textContent: sign,
      disabled,
    });
    button.dataset.units = `${layer}:${by}`;
    label(button, t(word, layer));
    button.addEventListener("click", () => calls.changeUnits(layer - 1, by));
    return button;
  });
  box.append(buttons[0], Object.assign(document.createElement("span"), { textContent: text }), buttons[1]);
  return box;
}

function draw() {
  if (!diagram) return;
  const width = document.getElementById("diagram").clientWidth;
  wiresCanvas.style.height = `${height}px`;
  const pen = penOf(wiresCanvas, width, height);
  if (frame) drawWires(pen);
  let unit = 0;
  diagram.columns.forEach((column, layer) => {
    for (const box of column) {
      const isHidden = layer > 0 && layer < diagram.columns.length - 1;
      drawBox(pen, box, isHidden ? unit++ : -1);
    }
  });
}

function strengthOf(wire) {
  const { parameters } = frame.arrays;
  if (!wire.bundle) return parameters[wire.place];
  return Math.sqrt(wire.bundle.reduce((sum, place) => sum + parameters[place] ** 2, 0) / wire.bundle.length);
}

function drawWires(pen) {
  const values = diagram.wires.map(strengthOf);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  diagram.wires.forEach((wire, place) => {
    const share = Math.min(1, Math.abs(values[place]) / largest);
    pen.strokeStyle = css(
      wire.bundle ? theme.muted : values[place] > 0 ? theme.positive : theme.negative,
      0.18 + 0.75 * share,
    );
    pen.lineWidth = 0.5 + 5 * share;
    strokeWire(pen, wire);
  });
  if (current) {
    pen.strokeStyle = css(theme.ink);
    pen.lineWidth = 2.5;
    strokeWire(pen, current);
  }
}

function strokeWire(pen, { curve }) {
  pen.beginPath();
  pen.moveTo(curve[0], curve[1]);
  pen.bezierCurveTo(...curve.slice(2));
  pen.stroke();
}

function drawBox(pen, box, unit) {
  const { x, y, side, layer, index } = box;
  const [left, top] = [x - side / 2, y - side / 2];
  pen.save();
  pen.beginPath();
  pen.roundRect(left, top, side, side, Math.min(6, side / 5));
  pen.fillStyle = css(theme.panel);
  pen.fill();
  pen.clip();
  pen.imageSmoothingEnabled = !structure.is_image;
  if (layer === 0) drawInput(pen, box);
  else if (unit >= 0) drawUnit(pen, box, unit);
  else drawOutput(pen, box, index);
  pen.restore();
  pen.beginPath();
  pen.roundRect(left, top, side, side, Math.min(6, side / 5));
  pen.strokeStyle = css(theme.ink, 0.55);
  pen.lineWidth = 1;
  pen.stroke();
  if (layer === 0 && !structure.is_image) nameInput(pen, box);
  if (layer === diagram.columns.length - 1 && structure.task === "classes") nameOutput(pen, box);
}

function drawInput(pen, { x, y, side, index }) {
  const axis = structure.is_image ? -1 : structure.setting.axes.indexOf(index);
  if (structure.is_image) {
    const small = document.createElement("canvas");
    pictureOf(small, 8, 8, (place) => mix(theme.paper, theme.ink, structure.arrays.images[64 * chosen + place] / 255));
    pen.drawImage(small, x - side / 2, y - side / 2, side, side);
  } else if (axis >= 0) {
    const [half, ends] = [
      side / 2,
      axis === 0 ? [x - side / 2, y, x + side / 2, y] : [x, y + side / 2, x, y - side / 2],
    ];
    const shade = pen.createLinearGradient(...ends);
    for (const [stop, byte] of [
      [0, 0],
      [0.25, 64],
      [0.5, 128],
      [0.75, 191],
      [1, 255],
    ])
      shade.addColorStop(stop, css(fromRamp(byte)));
    pen.fillStyle = shade;
    pen.fillRect(x - half, y - half, side, side);
  }
}

function drawUnit(pen, { x, y, side, layer }, unit) {
  if (!frame) return;
  if (structure.is_image && layer > 1) {
    pen.fillStyle = css(fromRamp(frame.arrays.signals[unit * structure.arrays.labels.length + chosen]));
    pen.fillRect(x - side / 2, y - side / 2, side, side);
  } else if (atlas.width) {
    pen.drawImage(atlas, 0, unit * atlas.width, atlas.width, atlas.width, x - side / 2, y - side / 2, side, side);
  }
}

function drawOutput(pen, { x, y, side }, index) {
  const picture = answerPictures[structure.task === "classes" ? 0 : index];
  if (structure.task === "classes") {
    pen.fillStyle = css(theme.classes[index]);
    pen.fillRect(x - side / 2, y - side / 2, side, side);
  } else if (picture && frame) {
    pen.drawImage(picture, x - side / 2, y - side / 2, side, side);
  }
}

function nameInput(pen, { x, y, side, index }) {
  const name = structure.features[index] ?? "";
  pen.font = '12px system-ui, "Noto Sans CJK SC", sans-serif';
  pen.fillStyle = css(theme.ink);
  pen.textAlign = "center";
  const short = name.length > 10 ? `${name.slice(0, 5)}…${name.slice(-4)}` : name; // words of one column differ at the end
  if (side >= 18 && diagram.spacing > 70) {
    pen.textAlign = "right";
    pen.fillText(short, x - side / 2 - 6, y + 4, diagram.spacing / 2 - side / 2 - 4);
  }
}

function nameOutput(pen, { x, y, side, index }) {
  const name = structure.classes[index] ?? "";
  pen.font = '12px system-ui, "Noto Sans CJK SC", sans-serif';
  pen.fillStyle = css(theme.ink);
  pen.textAlign = "left";
  pen.fillText(
    name.length > 12 ? `${name.slice(0, 11)}…` : name,
    x + side / 2 + 6,
    y + 4,
    diagram.spacing / 2 - side / 2 - 4,
  );
}

function point(event) {
  if (!diagram || !frame) return;
  const box = wiresCanvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const unit = unitAt(diagram, x, y);
  const before = current;
  current = unit ? null : wireAt(diagram, x, y);
  calls.showUnit(
    unit && unit.layer > 0 && unit.layer < diagram.columns.length - 1 && !structure.is_image ? unit : null,
  );
  wiresCanvas.style.cursor = current ? "pointer" : "";
  if (current) showWire(current, [event.clientX, event.clientY]);
  else if (unit && (unit.layer > 0 || structure.features.length))
    showHint(unitText(unit), [event.clientX, event.clientY]);
  else hint.hidden = true;
  if (before !== current) draw();
}

function leave() {
  current = null;
  hint.hidden = true;
  calls.showUnit?.(null);
  draw();
}

// A weight's name, value and gradient, as lines.
function wireText(wire) {
  const { parameters, gradients } = frame.arrays;
  if (wire.bundle) return [t("many_weights", wire.bundle.length)];
  const name = `W[${wire.i}, ${wire.j}]`;
  return [
    `${t("weight_tip", wire.layer + 1)} ${name} = ${write(parameters[wire.place], 4)}`,
    `∂L/∂${name} = ${write(gradients[wire.place], 4)}`,
  ];
}

function unitText({ layer, index }) {
  if (layer === 0) return [structure.features[index]];
  const biases = structure.layout.filter((part) => part.path.endsWith("bias"));
  const place = biases[layer - 1].start + index;
  const name = `b[${index}]`;
  return [
    `${t("bias_tip", layer)} ${name} = ${write(frame.arrays.parameters[place], 4)}`,
    `∂L/∂${name} = ${write(frame.arrays.gradients[place], 4)}`,
  ];
}

function showWire(wire, at = null) {
  const text = wireText(wire);
  const box = wiresCanvas.getBoundingClientRect();
  const [x, y] = pointOn(wire.curve, 0.5);
  showHint(text, at ?? [box.left + x, box.top + y]);
  if (!at) spoken.textContent = text.join(currentLanguage() === "zh" ? "，" : ", ");
}

function showHint(lines, [x, y]) {
  writeHint(lines);
  hint.hidden = false;
  const { offsetWidth: width, offsetHeight: tall } = hint;
  hint.style.left = `${Math.max(4, Math.min(innerWidth - width - 4, x + 14))}px`;
  hint.style.top = `${y + tall + 18 < innerHeight ? y + 14 : y - tall - 10}px`;
}

function writeHint(lines) {
  hint.replaceChildren(...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
}

// Which picture stands before the network, where rows are pictures.
function showImage(row) {
  chosen = row;
  draw();
}

function setAnswerPicture(picture) {
  answerPictures[0] = picture;
}

// The small picture of a hidden unit, cut from the atlas: [source, left, top, side].
function pictureOfUnit({ layer, index }) {
  const before = structure.units.slice(1, layer).reduce((sum, count) => sum + count, 0);
  return [atlas, 0, (before + index) * atlas.width, atlas.width];
}

// Where the middle of each wire is on the screen, for tests.
function middles() {
  const box = wiresCanvas.getBoundingClientRect();
  return diagram.wires.map((wire) => {
    const [x, y] = pointOn(wire.curve, 0.5);
    return { layer: wire.layer, i: wire.i, j: wire.j, x: box.left + x, y: box.top + y };
  });
}

export {
  draw as drawNetwork,
  layOut,
  middles,
  pictureOfUnit,
  setAnswerPicture,
  setFrame,
  setStructure,
  setUpNetwork,
  showImage,
};

// The network as it is now: wires by weight, boxes by what their units make of the plane.

import { drawBox } from "./boxes.js";
import { css, fromRamp, penOf, pictureOf, pictureOfBytes, theme } from "./colours.js";
import { arrange, pointOn, unitAt, wireAt, wireBeside } from "./diagram.js";
import { drawPlace, mapOf, paintMaps, pixelAt } from "./maps.js";
import { isMap, linesOf, numberOf } from "./parts.js";
import { paintWires, tracksOf } from "./wires.js";
import { write } from "./explain.js";
import { currentLanguage, label, t } from "./words.js";

const wiresCanvas = document.getElementById("wires"),
  columnsBox = document.getElementById("columns");
const hint = document.getElementById("hint"),
  spoken = document.getElementById("spoken");
const view = {
  structure: null,
  frame: null,
  diagram: null,
  atlas: document.createElement("canvas"),
  filters: document.createElement("canvas"),
  answers: null,
  chosen: 0,
  marked: null,
  part: null, // the layer of a stage of the tour
  place: null, // where the filters of a convolution are: {pixel, filter}, filter null for all of them
};
let current = null,
  pointed = null, // the place that the pointer is at, like `view.place`
  calls = {},
  height = 0,
  tracks = null, // where the wires run, as long as the diagram stays
  image = null;

// `actions`: changeUnits(layer, by), choose({wire} or {unit, pixel}), showUnit(unit or null), showImage().
function setUpNetwork(actions) {
  calls = actions;
  wiresCanvas.addEventListener("pointermove", (event) => point(event));
  wiresCanvas.addEventListener("pointerleave", leave);
  wiresCanvas.addEventListener("click", (event) => {
    const unit = point(event);
    if (current) calls.choose({ wire: current });
    else if (unit && unit.layer > 0) calls.choose({ unit, pixel: pointed?.pixel });
  });
  wiresCanvas.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow") && view.diagram) {
      current = wireBeside(view.diagram, current, event.key);
      showWire(current);
      draw();
      event.preventDefault();
    } else if (event.key === "Enter" && current) {
      calls.choose({ wire: current });
    }
  });
  wiresCanvas.addEventListener("blur", leave);
  new ResizeObserver(() => view.structure && layOut()).observe(document.getElementById("diagram"));
}

function setStructure(found) {
  Object.assign(view, { structure: found, frame: null, chosen: 0, marked: null, part: null, place: null });
  current = pointed = null;
  layOut();
}

function setFrame(found) {
  view.frame = found;
  const { units } = found.arrays;
  if (view.structure.is_image) {
    paintImages();
  } else if (units.length) {
    const side = Math.sqrt(units.length / unitCount());
    pictureOfBytes(view.atlas, side, units.length / side, units);
  }
  draw();
  if (current && !hint.hidden) writeHint(linesOf(view.structure, found, { wire: current }));
}

function unitCount() {
  return view.structure.units.slice(1, -1).reduce((sum, count) => sum + count, 0);
}

// For pictures, the boxes of the first layer show their weights, one for each pixel; those of a convolution its maps.
function paintImages() {
  if (view.structure.kernel_size) return paintMaps(view);
  const first = view.structure.layout[0];
  const [pixels, units] = first.shape,
    side = Math.sqrt(pixels);
  const { parameters } = view.frame.arrays;
  let largest = 1e-9;
  for (let place = 0; place < pixels * units; place++)
    largest = Math.max(largest, Math.abs(parameters[first.start + place]));
  pictureOf(view.atlas, side, side * units, (place) => {
    const unit = Math.floor(place / pixels),
      pixel = place % pixels;
    return fromRamp(Math.round(127.5 + 127 * (parameters[first.start + pixel * units + unit] / largest)));
  });
}

function layOut() {
  const box = document.getElementById("diagram");
  height = box.clientHeight - columnsBox.offsetHeight;
  view.diagram = arrange(view.structure, box.clientWidth, height - 8);
  tracks = null;
  columnsBox.replaceChildren(...view.diagram.columns.map(heading));
  label(wiresCanvas, t("wires_label"));
  draw();
}

// Above each column: how many units, and buttons for one more and one less.
function heading(column, layer) {
  const box = document.createElement("div");
  box.style.left = `${column[0].x}px`;
  box.style.width = `${view.diagram.spacing}px`;
  const isHidden = layer > 0 && layer < view.diagram.columns.length - 1;
  const count = view.structure.units[layer];
  if (!isHidden) {
    const name = layer > 0 ? "outputs" : view.structure.is_image ? "pixels" : "inputs";
    box.append(Object.assign(document.createElement("span"), { className: "column-name", textContent: t(name) }));
    return box;
  }
  const [word, most] = isMap(view.structure, { layer }) ? ["map", 8] : ["unit", 16];
  const text = view.diagram.spacing > 84 ? t(count === 1 ? word : `${word}s`, count) : String(count);
  const buttons = [
    [-1, "−", `fewer_${word}s`, count <= 1],
    [1, "+", `more_${word}s`, count >= most],
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
  const { diagram } = view;
  const width = document.getElementById("diagram").clientWidth;
  if (!diagram || !width || height <= 0) return; // hidden, or not laid out yet
  wiresCanvas.style.height = `${height}px`;
  const pen = penOf(wiresCanvas, width, height);
  if (view.frame) drawWires(pen);
  let unit = 0;
  diagram.columns.forEach((column, layer) => {
    const isHidden = layer > 0 && layer < diagram.columns.length - 1;
    for (const box of column) drawBox(pen, box, isHidden ? unit++ : -1, view);
  });
  const place = pointed ?? view.place;
  if (view.frame && place) drawPlace(pen, view, place);
}

// Shows where the filters are: {pixel, filter}, filter null for all of them; nowhere for null.
function showPlace(place) {
  if (JSON.stringify(place) === JSON.stringify(view.place)) return;
  view.place = place;
  draw();
}

function strengthOf(wire) {
  const numbers = view.frame.arrays[view.part?.isBackward ? "gradients" : "parameters"];
  if (!wire.bundle) return numbers[wire.place];
  return Math.sqrt(wire.bundle.reduce((sum, place) => sum + numbers[place] ** 2, 0) / wire.bundle.length);
}

function partValues(values) {
  return view.part ? values.filter((_, place) => view.diagram.wires[place].layer === view.part.layer) : values;
}

// Shows the wires of one layer alone, by their weights or their gradients: {layer, isBackward}; all for null.
function showPart(part) {
  view.part = part;
  draw();
}

// The wires of the part that is shown, each with its curve and its number, the largest first.
function wiresOfPart() {
  const own = view.diagram.wires.filter((wire) => wire.layer === view.part?.layer);
  return own
    .map((wire) => ({ ...wire, value: strengthOf(wire) }))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}

function drawWires(pen) {
  const { wires } = view.diagram,
    { width: across, height: down } = wiresCanvas;
  const ratio = pen.getTransform().a;
  if (!tracks || tracks.ratio !== ratio) tracks = { ratio, lines: tracksOf(wires, ratio) };
  if (image?.width !== across || image.height !== down) image = new ImageData(across, down);
  const values = wires.map(strengthOf);
  const least = view.part?.isBackward ? 1e-12 : 1; // gradients are drawn by the largest of their layer
  const largest = partValues(values).reduce((most, value) => Math.max(most, Math.abs(value)), least);
  paintWires(image, tracks.lines, theme.paper, (place) => {
    const share = Math.min(1, Math.abs(values[place]) / largest);
    if (view.part && wires[place].layer !== view.part.layer) return [ratio * 0.5, 0.15, ...theme.muted];
    const colour = wires[place].bundle ? theme.muted : values[place] > 0 ? theme.positive : theme.negative;
    return [ratio * (0.5 + 5 * share), 0.18 + 0.75 * share, ...colour];
  });
  pen.putImageData(image, 0, 0);
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

function point(event) {
  const { diagram, structure, frame } = view;
  if (!diagram || !frame) return null;
  const box = wiresCanvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const unit = unitAt(diagram, x, y);
  const before = [current, pointed?.pixel];
  pointed = isMap(structure, unit) ? { pixel: pixelAt(unit, x, y), filter: unit.index } : null;
  current = unit ? null : wireAt(diagram, x, y);
  const isHidden = unit && unit.layer > 0 && unit.layer < diagram.columns.length - 1;
  calls.showUnit(isHidden && !structure.is_image ? unit : null);
  wiresCanvas.style.cursor = current || unit?.layer > 0 ? "pointer" : "";
  if (current) showWire(current, [event.clientX, event.clientY]);
  else if (unit && (unit.layer > 0 || structure.features.length))
    showHint([...linesOf(structure, frame, { unit }), ...mapLines()], [event.clientX, event.clientY]);
  else hint.hidden = true;
  if (before[0] !== current || before[1] !== pointed?.pixel) draw();
  return unit;
}

// The pixel of a map at the pointer, and what it is.
function mapLines() {
  if (!pointed) return [];
  const { pixel, filter } = pointed;
  const value = mapOf(view.structure, view.frame, view.chosen, filter)[pixel];
  return [t("map_pixel", Math.floor(pixel / 8), pixel % 8, write(value, 4))];
}

function leave() {
  current = pointed = null;
  hint.hidden = true;
  calls.showUnit?.(null);
  draw();
}

function showWire(wire, at = null) {
  if (!view.frame) return;
  const text = linesOf(view.structure, view.frame, { wire });
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
  view.chosen = row;
  if (view.frame && view.structure.kernel_size) paintImages();
  draw();
  calls.showImage();
}

// The wire of a map's filter.
function filterTo({ index }) {
  return view.diagram.wires.find((wire) => wire.isFilter && wire.j === index);
}

function chosenImage() {
  return view.chosen;
}

function setAnswerPicture(picture) {
  view.answers = picture;
}

// The small picture of a hidden unit, cut from the atlas: [source, left, top, side].
function pictureOfUnit(unit) {
  const { atlas, structure } = view;
  return [atlas, 0, numberOf(structure, unit) * atlas.width, atlas.width];
}

// Draws a frame around a unit, or around none.
function mark(unit) {
  view.marked = unit;
  draw();
}

// Where the middle of each wire is on the screen, for tests.
function middles() {
  const box = wiresCanvas.getBoundingClientRect();
  return view.diagram.wires.map((wire) => {
    const [x, y] = pointOn(wire.curve, 0.5);
    return { layer: wire.layer, i: wire.i, j: wire.j, x: box.left + x, y: box.top + y };
  });
}

// The same for the units, for tests.
function centres() {
  const box = wiresCanvas.getBoundingClientRect();
  return view.diagram.columns
    .flat()
    .map(({ layer, index, x, y }) => ({ layer, index, x: box.left + x, y: box.top + y }));
}

export {
  centres,
  chosenImage,
  draw as drawNetwork,
  filterTo,
  layOut,
  mark,
  middles,
  pictureOfUnit,
  setAnswerPicture,
  setFrame,
  setStructure,
  setUpNetwork,
  showImage,
  showPart,
  showPlace,
  wiresOfPart,
};

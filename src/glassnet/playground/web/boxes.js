// The boxes of the diagram: inputs, units and outputs, each with its picture and its name.

import { css, fromRamp, mix, pictureOf, theme } from "./colours.js";
import { paintInput } from "./inputs.js";
import { drawFilter } from "./maps.js";

const FONT = '12px system-ui, "Noto Sans CJK SC", sans-serif';
const small = document.createElement("canvas");

// Draws a box; `unit` is the number of a hidden unit among all of them, or -1. `view` holds what there is to be drawn:
// structure, frame, diagram, atlas, answers, chosen (the picture before the network) and marked (a unit).
function drawBox(pen, box, unit, view) {
  const { x, y, side, layer, index } = box;
  const { structure, diagram } = view;
  const isOutput = layer === diagram.columns.length - 1;
  pen.imageSmoothingEnabled = !structure.is_image;
  if (box.filter) drawFilter(pen, box, view);
  if (unit >= 0) drawUnit(pen, box, unit, view);
  else clipped(pen, box, () => (layer === 0 ? drawInput : drawOutput)(pen, box, view));
  outline(pen, box, unit >= 0);
  const isMarked = view.marked?.layer === layer && view.marked.index === index;
  pen.strokeStyle = css(theme.ink, isMarked ? 1 : 0.55);
  pen.lineWidth = isMarked ? 2.5 : 1;
  pen.stroke();
  if (unit >= 0 && view.frame?.deaths.some(([dead]) => dead === unit)) cross(pen, x, y, side);
  if (layer === 0 && !structure.is_image) nameInput(pen, box, view);
  if (isOutput && structure.task === "classes") nameOutput(pen, box, view);
}

// Units are many, and a clip costs thrice what a picture does: their corners are so little round that they need none.
function outline(pen, { x, y, side }, isUnit = false) {
  pen.beginPath();
  pen.roundRect(x - side / 2, y - side / 2, side, side, isUnit ? Math.min(2.5, side / 10) : Math.min(6, side / 5));
}

function clipped(pen, box, drawInside) {
  pen.save();
  outline(pen, box);
  pen.fillStyle = css(theme.panel);
  pen.fill();
  pen.clip();
  drawInside();
  pen.restore();
}

// A unit that answers every row with the same number.
function cross(pen, x, y, side) {
  const reach = 0.28 * side;
  pen.strokeStyle = css(theme.ink, 0.75);
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(x - reach, y - reach);
  pen.lineTo(x + reach, y + reach);
  pen.moveTo(x - reach, y + reach);
  pen.lineTo(x + reach, y - reach);
  pen.stroke();
}

function drawInput(pen, { x, y, side, index }, { structure, chosen }) {
  const [left, top] = [x - side / 2, y - side / 2];
  if (structure.is_image) {
    pictureOf(small, 8, 8, (place) => mix(theme.paper, theme.ink, structure.arrays.images[64 * chosen + place] / 255));
    pen.drawImage(small, left, top, side, side);
    return;
  }
  if (structure.inputs.length) {
    paintInput(small, structure.inputs[index]);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(small, left, top, side, side);
    return;
  }
  const axis = structure.setting.axes.indexOf(index);
  if (axis < 0) return;
  const shade = pen.createLinearGradient(...(axis === 0 ? [left, y, left + side, y] : [x, top + side, x, top]));
  for (const [stop, byte] of [
    [0, 0],
    [0.25, 64],
    [0.5, 128],
    [0.75, 191],
    [1, 255],
  ])
    shade.addColorStop(stop, css(fromRamp(byte)));
  pen.fillStyle = shade;
  pen.fillRect(left, top, side, side);
}

function drawUnit(pen, { x, y, side, layer }, unit, { structure, frame, atlas, chosen }) {
  const [left, top] = [x - side / 2, y - side / 2];
  if (!frame) {
    pen.fillStyle = css(theme.panel);
    pen.fillRect(left, top, side, side);
    return;
  }
  if (structure.is_image && layer > 1) {
    const number = unit - (structure.kernel_size ? structure.units[1] : 0); // maps have pictures instead of signals
    pen.fillStyle = css(fromRamp(frame.arrays.signals[number * structure.arrays.labels.length + chosen]));
    pen.fillRect(left, top, side, side);
  } else if (atlas.width) {
    pen.drawImage(atlas, 0, unit * atlas.width, atlas.width, atlas.width, left, top, side, side);
  }
}

// An output's colour; before a picture, filled as high as its class is probable.
function drawOutput(pen, { x, y, side, index }, { structure, frame, answers, chosen }) {
  const [left, top] = [x - side / 2, y - side / 2];
  if (structure.task !== "classes") {
    if (answers && frame) pen.drawImage(answers, left, top, side, side);
    return;
  }
  const { chances } = frame?.arrays ?? {};
  const share = chances ? chances[chosen * structure.classes.length + index] : 1;
  pen.fillStyle = css(theme.classes[index]);
  pen.fillRect(left, top + side * (1 - share), side, side * share);
}

function nameInput(pen, { x, y, side, index }, { structure, diagram }) {
  const name = structure.features[index] ?? "";
  const short = name.length > 10 ? `${name.slice(0, 5)}…${name.slice(-4)}` : name; // words of one column differ at the end
  if (side < 18 || diagram.spacing <= 70) return;
  pen.font = FONT;
  pen.fillStyle = css(theme.ink);
  pen.textAlign = "right";
  pen.fillText(short, x - side / 2 - 6, y + 4, diagram.spacing / 2 - side / 2 - 4);
}

function nameOutput(pen, { x, y, side, index }, { structure, frame, diagram, chosen }) {
  const name = structure.classes[index] ?? "";
  const { chances } = frame?.arrays ?? {};
  const short = name.length > 12 ? `${name.slice(0, 11)}…` : name;
  const share = chances ? ` · ${Math.round(100 * chances[chosen * structure.classes.length + index])} %` : "";
  pen.font = FONT;
  pen.fillStyle = css(theme.ink);
  pen.textAlign = "left";
  pen.fillText(short + share, x + side / 2 + 6, y + 4, diagram.spacing / 2 - side / 2 - 4);
}

export { drawBox };

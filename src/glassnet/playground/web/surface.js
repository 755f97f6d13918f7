// The picture of the answers with the points on it, and what it is at the pointer.

import { drawAxes, MARGIN } from "./axes.js";
import { css, fromRamp, mix, penOf, pictureOf, pictureOfBytes, theme } from "./colours.js";
import { markImages, repaintImages, setImages } from "./images.js";
import { pictureOfUnit } from "./network.js";
import { label, t } from "./words.js";

const canvas = document.getElementById("surface"),
  readout = document.getElementById("readout"),
  legend = document.getElementById("legend");
const answers = document.createElement("canvas"),
  dots = { canvas: document.createElement("canvas"), seen: [] };
let structure = null,
  frame = null,
  unit = null,
  ringed = [], // rows that are told from the others
  showsHeldOut = true;

function setStructure(found) {
  structure = found;
  frame = null;
  unit = null;
  ringed = [];
  canvas.hidden = structure.is_image;
  readout.hidden = structure.is_image;
  readout.textContent = t("picture_hint");
  document.getElementById("show-held-out").parentElement.hidden = structure.is_image;
  setImages(structure);
  drawLegend();
  label(canvas, t("surface_label"));
}

function setFrame(found) {
  frame = found;
  if (structure.is_image) markImages(frame);
  else paintAnswers();
}

function paintAnswers() {
  const found = frame.arrays.answers;
  const isClasses = structure.task === "classes";
  const side = Math.sqrt(found.length / (isClasses ? 2 : 1)),
    size = side * side;
  const least = 1 / structure.classes.length;
  if (!isClasses) return pictureOfBytes(answers, side, side, found, theme.pale);
  pictureOf(answers, side, side, (place) => {
    const sure = (found[size + place] / 255 - least) / (1 - least);
    return mix(theme.paper, theme.classes[found[place]], 0.1 + 0.48 * Math.max(0, sure));
  });
}

function showUnit(found) {
  unit = found;
}

function ringRows(rows) {
  ringed = rows;
  draw();
}

function showHeldOut(on) {
  showsHeldOut = on;
}

function draw() {
  if (!structure || structure.is_image) return;
  const width = canvas.clientWidth,
    side = width - MARGIN;
  const pen = penOf(canvas, width, width);
  pen.imageSmoothingQuality = "high";
  if (unit && frame) {
    const [source, left, top, own] = pictureOfUnit(unit);
    pen.drawImage(source, left, top, own, own, MARGIN, 0, side, side);
  } else if (frame) {
    pen.drawImage(answers, MARGIN, 0, side, side);
  }
  drawAxes(pen, side, structure.extent, structure.axis_names);
  drawPoints(width, side);
  pen.drawImage(dots.canvas, 0, 0, width, width);
  pen.strokeStyle = css(theme.ink);
  pen.lineWidth = 2;
  for (const row of ringed) {
    pen.beginPath();
    pen.arc(...placeOf(row, side), 7, 0, 7);
    pen.stroke();
  }
}

function placeOf(row, side) {
  const { points } = structure.arrays;
  const [left, right, bottom, top] = structure.extent;
  return [
    MARGIN + (side * (points[2 * row] - left)) / (right - left),
    (side * (top - points[2 * row + 1])) / (top - bottom),
  ];
}

// The points on a canvas of their own: they stay while the network learns.
function drawPoints(width, side) {
  const seen = [structure, side, showsHeldOut, theme.ink, window.devicePixelRatio];
  if (seen.every((part, place) => part === dots.seen[place])) return;
  dots.seen = seen;
  const pen = penOf(dots.canvas, width, width);
  pen.beginPath();
  pen.rect(MARGIN, 0, side, side);
  pen.save();
  pen.clip();
  const { labels, held_out: heldOut } = structure.arrays;
  const radius = labels.length > 700 ? 2.2 : 3.2;
  pen.lineWidth = 1;
  for (let row = 0; row < labels.length; row++) {
    if (heldOut[row] && !showsHeldOut) continue;
    pen.beginPath();
    pen.arc(...placeOf(row, side), radius, 0, 7);
    pen.fillStyle = css(colourOf(labels[row]));
    pen.fill();
    pen.strokeStyle = heldOut[row] ? css(theme.ink) : css(theme.paper, 0.9);
    pen.stroke();
  }
  pen.restore();
}

function colourOf(value) {
  if (structure.task === "classes") return theme.classes[value];
  if (structure.task === "binary") return value ? theme.positive : theme.negative;
  const [low, high] = structure.range;
  return fromRamp(Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low || 1)))));
}

function drawLegend() {
  const entry = (name, colour) => {
    const box = document.createElement("span");
    box.className = "key";
    box.append(Object.assign(document.createElement("i"), { style: `background:${css(colour)}` }), name);
    return box;
  };
  if (structure.is_image) return legend.replaceChildren(t("images_hint"));
  if (structure.task === "numbers") {
    const [low, high] = structure.range.map((value) => String(Number(value.toPrecision(3))).replace("-", "−"));
    const ramp = Object.assign(document.createElement("span"), { className: "ramp" });
    return legend.replaceChildren(low, ramp, high);
  }
  const colours = structure.task === "binary" ? [theme.negative, theme.positive] : theme.classes;
  legend.replaceChildren(...structure.classes.map((name, i) => entry(name, colours[i])));
}

// Says where the pointer is, and what the network answers there.
function readOut(event) {
  if (!frame || structure.is_image) return;
  const box = canvas.getBoundingClientRect();
  const side = box.width - MARGIN;
  const [across, down] = [(event.clientX - box.left - MARGIN) / side, (event.clientY - box.top) / side];
  if (across < 0 || across >= 1 || down < 0 || down >= 1) return forget();
  const [left, right, bottom, top] = structure.extent;
  const { answers: found } = frame.arrays;
  const isClasses = structure.task === "classes";
  const grid = Math.sqrt(found.length / (isClasses ? 2 : 1));
  const place = Math.floor(down * grid) * grid + Math.floor(across * grid);
  const [low, high] = structure.range;
  const answer = {
    classes: () => `${structure.classes[found[place]]} · ${Math.round((100 * found[grid * grid + place]) / 255)} %`,
    binary: () => answerOfTwo(found[place] / 255),
    numbers: () => short(low + ((high - low) * found[place]) / 255),
  }[structure.task]();
  readout.textContent = t(
    "answer_at",
    short(left + (right - left) * across),
    short(top - (top - bottom) * down),
    answer,
  );
}

// Where probabilities are learned, that of the second class; else how near to it.
function answerOfTwo(share) {
  return `${structure.classes[1]} · ${Math.round(100 * share)} %`;
}

function short(value) {
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

function forget() {
  readout.textContent = t("picture_hint");
}

canvas.addEventListener("pointermove", readOut);
canvas.addEventListener("pointerleave", forget);

// After a change between light and dark.
function repaint() {
  if (!structure) return;
  drawLegend();
  if (structure.is_image) repaintImages();
  if (frame) setFrame(frame);
}

export { answers, draw as drawSurface, repaint, ringRows, setFrame, setStructure, showHeldOut, showUnit };

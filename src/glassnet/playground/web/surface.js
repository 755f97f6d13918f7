// The picture of the answers with the points on it; where rows are pictures, some of them with what they are read as.

import { css, fromRamp, mix, penOf, pictureOf, theme } from "./colours.js";
import { pictureOfUnit, showImage } from "./network.js";
import { label, t } from "./words.js";

const canvas = document.getElementById("surface"),
  images = document.getElementById("images"),
  legend = document.getElementById("legend");
const answers = document.createElement("canvas");
let structure = null,
  frame = null,
  unit = null,
  showsHeldOut = true;

function setStructure(found) {
  structure = found;
  frame = null;
  unit = null;
  canvas.hidden = structure.is_image;
  images.hidden = !structure.is_image;
  document.getElementById("show-held-out").parentElement.hidden = structure.is_image;
  if (structure.is_image) makeImages();
  drawLegend();
  label(canvas, t("surface_label"));
}

function setFrame(found) {
  frame = found;
  if (structure.is_image) markImages();
  else paintAnswers();
}

function paintAnswers() {
  const found = frame.arrays.answers;
  const isClasses = structure.task === "classes";
  const side = Math.sqrt(found.length / (isClasses ? 2 : 1)),
    size = side * side;
  const least = 1 / structure.classes.length;
  pictureOf(answers, side, side, (place) => {
    if (!isClasses) return fromRamp(found[place], theme.pale);
    const sure = (found[size + place] / 255 - least) / (1 - least);
    return mix(theme.paper, theme.classes[found[place]], 0.1 + 0.48 * Math.max(0, sure));
  });
}

function showUnit(found) {
  unit = found;
}

function showHeldOut(on) {
  showsHeldOut = on;
}

function draw() {
  if (!structure || structure.is_image) return;
  const side = canvas.clientWidth;
  const pen = penOf(canvas, side, side);
  pen.imageSmoothingQuality = "high";
  if (unit && frame) {
    const [source, left, top, own] = pictureOfUnit(unit);
    pen.drawImage(source, left, top, own, own, 0, 0, side, side);
  } else if (frame) {
    pen.drawImage(answers, 0, 0, side, side);
  }
  drawPoints(pen, side);
}

function drawPoints(pen, side) {
  const { points, labels, held_out: heldOut } = structure.arrays;
  const [left, right, bottom, top] = structure.extent;
  const radius = labels.length > 700 ? 2.2 : 3.2;
  pen.lineWidth = 1;
  for (let row = 0; row < labels.length; row++) {
    if (heldOut[row] && !showsHeldOut) continue;
    const x = (side * (points[2 * row] - left)) / (right - left);
    const y = (side * (top - points[2 * row + 1])) / (top - bottom);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fillStyle = css(colourOf(labels[row]));
    pen.fill();
    pen.strokeStyle = heldOut[row] ? css(theme.ink) : css(theme.paper, 0.9);
    pen.stroke();
  }
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

function makeImages() {
  const { labels, images: pixels } = structure.arrays;
  images.replaceChildren(
    ...Array.from(labels, (_, row) => {
      const box = document.createElement("button");
      const small = document.createElement("canvas");
      pictureOf(small, 8, 8, (place) => mix(theme.paper, theme.ink, pixels[64 * row + place] / 255));
      box.append(small, document.createElement("span"));
      box.addEventListener("click", () => choose(row));
      return box;
    }),
  );
  choose(0);
}

// Puts a picture before the network: its units show what they make of it.
function choose(row) {
  [...images.children].forEach((box, other) => box.setAttribute("aria-pressed", other === row));
  showImage(row);
}

function markImages() {
  const { guesses, chances } = frame.arrays,
    { labels } = structure.arrays;
  [...images.children].forEach((box, row) => {
    const isRight = guesses[row] === labels[row];
    box.className = isRight ? "right" : "wrong";
    box.lastChild.textContent = guesses[row];
    label(box, t("guess", labels[row], guesses[row], `${Math.round(100 * chances[row])} %`));
  });
}

// After a change between light and dark.
function repaint() {
  if (!structure) return;
  drawLegend();
  if (structure.is_image) makeImages();
  if (frame) setFrame(frame);
}

export { answers, draw as drawSurface, repaint, setFrame, setStructure, showHeldOut, showUnit };

// The axes beside the picture of the answers.

import { css, theme } from "./colours.js";

const MARGIN = 26; // left of the picture and under it
const FONT = '11px system-ui, "Noto Sans CJK SC", sans-serif';

// Numbers that are easily read, three or four within a range.
function ticks(low, high) {
  const rough = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].findLast((factor) => factor * power <= rough) ?? 1);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(Number((k * step).toPrecision(6)));
  return found;
}

function text(value) {
  return String(value).replace("-", "−");
}

// Draws both axes around a picture of that side, whose upper left corner is at (MARGIN, 0).
function drawAxes(pen, side, [left, right, bottom, top], names) {
  pen.font = FONT;
  pen.fillStyle = css(theme.muted);
  pen.strokeStyle = css(theme.line);
  pen.lineWidth = 1;
  pen.textAlign = "center";
  for (const value of ticks(left, right)) {
    const x = MARGIN + (side * (value - left)) / (right - left);
    stroke(pen, x, side, x, side + 4);
    if (x < MARGIN + side - 30) pen.fillText(text(value), x, side + 15);
  }
  pen.textAlign = "right";
  for (const value of ticks(bottom, top)) {
    const y = (side * (top - value)) / (top - bottom);
    stroke(pen, MARGIN - 4, y, MARGIN, y);
    if (y > 24) pen.fillText(text(value), MARGIN - 5, y + 4);
  }
  pen.fillStyle = css(theme.ink);
  pen.fillText(short(names[0]), MARGIN + side, side + 15);
  if (names.length < 2) return;
  pen.save();
  pen.translate(MARGIN - 8, 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText(short(names[1]), 0, 0);
  pen.restore();
}

function stroke(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function short(name) {
  return name.length > 16 ? `${name.slice(0, 15)}…` : name;
}

export { MARGIN, drawAxes };

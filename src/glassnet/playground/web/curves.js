// The loss of the training rows and of the held-out rows, epoch by epoch.

import { css, penOf, theme } from "./colours.js";

const MOST = 1200;
const canvas = document.getElementById("curves");
let history = [],
  looked = null; // where the slider stands, while it stands at an earlier state

function clear() {
  history = [];
  looked = null;
}

// Takes a frame in; of a long training every other frame is kept, and so on.
function add({ epoch, batch, loss, place, kept }, batches) {
  const at = epoch + batch / batches;
  looked = place < kept.length - 1 ? at : null;
  if (looked !== null) return;
  if (history.length && at <= history.at(-1).at) history = history.filter((entry) => entry.at < at);
  history.push({ at, loss });
  if (history.length > MOST) history = history.filter((_, place) => place % 2 === 0 || place === history.length - 1);
}

function draw() {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const pen = penOf(canvas, width, height);
  const [left, bottom, top] = [34, height - 18, 8];
  const values = history.flatMap((entry) => entry.loss).filter((value) => value !== null);
  const most = niceAbove(Math.max(1e-6, ...values));
  const last = Math.max(1, history.at(-1)?.at ?? 1);
  const x = (at) => left + ((width - left - 6) * at) / last;
  const y = (value) => bottom - ((bottom - top) * Math.min(value, most)) / most;
  pen.font = '11px system-ui, "Noto Sans CJK SC", sans-serif';
  pen.fillStyle = css(theme.muted);
  pen.strokeStyle = css(theme.line);
  pen.lineWidth = 1;
  for (const value of [0, most / 2, most]) {
    pen.beginPath();
    pen.moveTo(left, Math.round(y(value)) + 0.5);
    pen.lineTo(width - 6, Math.round(y(value)) + 0.5);
    pen.stroke();
    pen.textAlign = "right";
    pen.fillText(String(Number(value.toPrecision(3))), left - 5, y(value) + 4);
  }
  pen.fillText(String(Math.floor(last)), width - 6, height - 4);
  pen.textAlign = "left";
  pen.fillText("0", left, height - 4);
  line(pen, 0, theme.muted, x, y);
  line(pen, 1, theme.accent, x, y);
  if (looked === null) return;
  pen.strokeStyle = css(theme.ink);
  pen.beginPath();
  pen.moveTo(x(looked), top);
  pen.lineTo(x(looked), bottom);
  pen.stroke();
}

function line(pen, side, colour, x, y) {
  pen.strokeStyle = css(colour);
  pen.lineWidth = 1.8;
  pen.beginPath();
  let isDown = false;
  for (const { at, loss } of history) {
    if (loss[side] === null) {
      isDown = false;
    } else {
      pen[isDown ? "lineTo" : "moveTo"](x(at), y(loss[side]));
      isDown = true;
    }
  }
  pen.stroke();
}

function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 4, 6, 8, 10].find((step) => step * power >= value) ?? 10);
}

export { add, clear, draw as drawCurves };

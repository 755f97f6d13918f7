// A tour of one step over the diagram itself: the batch's rows flow forward, δ flows back, with a text at each stage.

import { css, penOf, theme } from "./colours.js";
import { pointOn } from "./diagram.js";
import { write } from "./explain.js";
import { mark, showPart, showPlace, wiresOfPart } from "./network.js";
import { ringRows } from "./surface.js";
import { t } from "./words.js";

const MOST_DROPS = 60, // wires of a layer on which something flows
  TURN = 1800, // milliseconds from one end of a wire to the other
  PACE = 180, // milliseconds of a filter at each place
  MIDDLE = 27; // the place where it stands still
const $ = (id) => document.getElementById(id);
const card = $("tour-card"),
  flow = $("flow");
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
let structure = null,
  frame = null,
  at = -1, // the stage; -1 without a tour
  isFlowing = false,
  isAwaited = false, // until the training has paused
  calls = {};

// `actions`: pause() before it begins, step() at its end.
function setUpTour(actions) {
  calls = actions;
  $("tour").addEventListener("click", begin);
  $("tour-next").addEventListener("click", () => go(at + 1));
  $("tour-previous").addEventListener("click", () => go(at - 1));
  $("tour-close").addEventListener("click", close);
  card.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") close();
    else if (by && at + by >= 0 && at + by < stages().length) go(at + by);
    else return;
    event.preventDefault();
  });
  stillness.addEventListener("change", show);
}

function begin() {
  isAwaited = true;
  if (!frame?.playing) return start();
  calls.pause();
}

function start() {
  if (!frame) return;
  isAwaited = false;
  at = 0;
  show();
  card.scrollIntoView({ block: "nearest" });
  $("tour-next").focus({ preventScroll: true });
}

function close() {
  end();
  $("tour").focus({ preventScroll: true });
}

function end() {
  isAwaited = false;
  if (at < 0) return;
  at = -1;
  card.hidden = true;
  showPart(null);
  showPlace(null);
  mark(null);
  ringRows([]);
}

function go(place) {
  if (place < 0) return;
  if (place === stages().length) {
    close();
    return calls.step();
  }
  at = place;
  show();
}

// The stages: what each shows, and its text.
function stages() {
  const layers = structure.units.length - 1,
    { setting } = structure;
  const rows = Math.min(setting.batch_size, structure.rows[0]);
  const numbers = Array.from({ length: layers }, (_, layer) => layer);
  const slides = (layer) => layer === 0 && structure.kernel_size > 0;
  const wordOf = (layer) => (slides(layer) ? "convolution" : layer ? "" : "first");
  return [
    {
      ring: true,
      text: () => t(hasRings() ? "tour_rows" : "tour_images", frame.batch_rows.length || rows),
    },
    ...numbers.map((layer) => ({
      part: { layer, isBackward: false },
      slides: slides(layer),
      text: () =>
        t(
          slides(layer) ? "tour_convolution" : layer === layers - 1 ? "tour_answers" : "tour_forward",
          layer + 1,
          t(setting.activation),
        ) + (slides(layer) && setting.pooling ? t("tour_pooling") : ""),
    })),
    { unit: { layer: layers, index: 0 }, text: () => t("tour_loss", t(setting.loss)) },
    ...numbers.reverse().map((layer) => ({
      part: { layer, isBackward: true },
      slides: slides(layer),
      text: () =>
        t(
          ["tour_backward", wordOf(layer)].filter(Boolean).join("_"),
          layer + 1,
          ...largestGradient(),
          t(setting.activation),
        ),
    })),
    { text: () => t("tour_update", t(setting.optimizer), write(frame.now.learning_rate, 3)) },
  ];
}

function hasRings() {
  return !structure.is_image && frame.batch_rows.length > 0;
}

// Name and value of the largest gradient of the layer that is shown; of a picture's weights their mean size.
function largestGradient() {
  const [wire] = wiresOfPart();
  const many = wire.isFilter ? `${wire.j}, ·` : `·, ${wire.j}`;
  const name = wire.bundle ? `RMS ∂L/∂W[${many}]` : `∂L/∂W[${wire.i}, ${wire.j}]`;
  return [name, write(wire.value, 3)];
}

function show() {
  if (at < 0) return;
  const all = stages(),
    stage = all[at];
  card.hidden = false;
  showPart(stage.part ?? null);
  if (!stage.slides) showPlace(null);
  mark(stage.unit ?? null);
  ringRows(stage.ring && hasRings() ? frame.batch_rows : []);
  $("tour-text").textContent = stage.text();
  $("tour-stage").textContent = t("stage_of", at + 1, all.length);
  $("tour-previous").disabled = at === 0;
  $("tour-next").textContent = t(at === all.length - 1 ? "take_step" : "next");
  drawFlow(0);
  if (isFlowing || stillness.matches) return;
  isFlowing = true;
  requestAnimationFrame(move);
}

function move(time) {
  isFlowing = at >= 0 && !stillness.matches;
  drawFlow(time);
  if (isFlowing) requestAnimationFrame(move);
}

// Drops on the wires of the layer, forward from left to right, backward from right to left.
function drawFlow(time) {
  const wires = document.getElementById("wires");
  flow.style.height = wires.style.height;
  const pen = penOf(flow, wires.clientWidth, wires.clientHeight);
  const { part = null, slides = false } = at >= 0 ? stages()[at] : {};
  if (slides) showPlace({ pixel: stillness.matches ? MIDDLE : Math.floor(time / PACE) % 64, filter: null });
  if (!part || stillness.matches) return;
  const own = wiresOfPart().slice(0, MOST_DROPS);
  const largest = Math.abs(own[0]?.value ?? 1) || 1;
  own.forEach(({ curve, value, i, j }) => {
    const share = (time / TURN + ((i * 7 + j * 3) % 10) / 20) % 1;
    const [x, y] = pointOn(curve, part.isBackward ? 1 - share : share);
    pen.beginPath();
    pen.arc(x, y, 2 + 3 * Math.sqrt(Math.abs(value) / largest), 0, 7);
    pen.fillStyle = css(part.isBackward ? theme.accent : theme.ink, 0.85);
    pen.fill();
  });
}

function setTourStructure(found) {
  end();
  structure = found;
  frame = null;
}

function setTourFrame(found) {
  frame = found;
  if (isAwaited && !found.playing) start();
  else if (at >= 0 && found.playing) end();
  else show();
}

export { setTourFrame, setTourStructure, setUpTour };

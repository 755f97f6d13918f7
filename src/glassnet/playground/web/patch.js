// One place of a filter on a picture: the pixels under it, its weights, and the pixel of the map that they make.

import { beside, setUpCells, showCells } from "./cells.js";
import { fromRamp, mix, penOf, pictureOf, theme } from "./colours.js";
import { write } from "./explain.js";
import { mapOf, pixelsUnder, ringPatch, ringPixel, ringWindow, SIDE, weightsOf, windowOf } from "./maps.js";
import { label, t } from "./words.js";

const $ = (id) => document.getElementById(id);
const WIDTH = 128, // pixels on the page of a picture
  PACE = 180; // milliseconds at each place
const box = $("patch"),
  map = $("patch-map"),
  cells = $("patch-cells"),
  small = document.createElement("canvas");
let view = null, // {structure, frame, chosen, filter, pixel}
  calls = {},
  timer = 0;

// `actions`: move(pixel) to another place, choose(place) one of the filter's weights.
function setUpPatch(actions) {
  calls = actions;
  setUpCells(cells);
  $("patch-slide").addEventListener("click", () => (timer ? stop() : slide()));
  map.addEventListener("click", ({ offsetX, offsetY }) => {
    stop();
    const within = (value) => Math.max(0, Math.min(SIDE - 1, Math.floor((value * SIDE) / WIDTH)));
    calls.move(SIDE * within(offsetY) + within(offsetX));
  });
  map.addEventListener("keydown", (event) => {
    const next = beside(view.pixel, event.key, SIDE);
    if (next === null) return;
    stop();
    event.preventDefault();
    calls.move(next);
  });
}

function slide() {
  timer = setInterval(() => {
    if (view.pixel === SIDE * SIDE - 1) stop();
    else calls.move(view.pixel + 1);
  }, PACE);
  if (view.pixel === SIDE * SIDE - 1) calls.move(0);
  $("patch-slide").textContent = t("slide_stop");
}

function stop() {
  clearInterval(timer);
  timer = 0;
  $("patch-slide").textContent = t("slide");
}

// Shows the place, or hides it for null; `weight` is the one of the filter that is chosen, or -1.
function showPatch(found, weight = -1) {
  view = found;
  box.hidden = !view;
  if (!view) return stop();
  const { structure, frame, chosen, filter, pixel } = view;
  const under = pixelsUnder(structure, chosen, pixel),
    weights = weightsOf(structure, frame, filter),
    values = mapOf(structure, frame, chosen, filter);
  const size = structure.kernel_size;
  const { images } = structure.arrays;
  paint(
    $("patch-picture"),
    (place) => mix(theme.paper, theme.ink, images[64 * chosen + place] / 255),
    (pen) => ringPatch(pen, structure, pixel, 0, 0, WIDTH),
  );
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  paint(
    map,
    (place) => fromRamp(Math.round(127.5 + (127 * values[place]) / largest)),
    (pen) => {
      ringPixel(pen, pixel, 0, 0, WIDTH);
      if (structure.setting.pooling) ringWindow(pen, pixel, 0, 0, WIDTH);
    },
  );
  showCells(cells, weights, {
    under,
    chosen: weight,
    name: (place) => `W[${filter}, 0, ${Math.floor(place / size)}, ${place % size}]`,
    choose: calls.choose,
  });
  const bias = frame.arrays.parameters[structure.layout[1].start + filter];
  const sum = weights.reduce((total, value, place) => total + value * (under[place] ?? 0), 0);
  const place = `${Math.floor(pixel / SIDE)}, ${pixel % SIDE}`;
  $("patch-sum").textContent = t("patch_sum", place, write(sum, 4), write(sum + bias, 4)) + afterwards(values, pixel);
  $("patch-outside").hidden = !under.includes(null);
  if (!timer) $("patch-slide").textContent = t("slide");
  label(map, t("map_label", filter, place));
}

// What comes of a place's sum: normalised, through the activation, and pooled.
function afterwards(values, pixel) {
  const { activation, batch_norm: isNormalised, pooling } = view.structure.setting;
  const steps = [...(isNormalised ? ["batch_norm"] : []), ...(activation === "linear" ? [] : [activation])];
  const value = steps.length ? ` → ${steps.map((step) => t(step)).join(" → ")}: ${write(values[pixel], 4)}` : "";
  if (!pooling) return value;
  const window = windowOf(pixel).map((place) => values[place]);
  return `${value}${t("patch_pooled", write(Math.max(...window), 4))}`;
}

function paint(canvas, colour, drawOver) {
  pictureOf(small, SIDE, SIDE, colour);
  const pen = penOf(canvas, WIDTH, WIDTH);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, WIDTH, WIDTH);
  drawOver(pen);
}

export { setUpPatch, showPatch };

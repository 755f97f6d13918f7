// A convolution before a picture: its maps and filters as small pictures, and the patch that a pixel of a map is made of.

import { css, fromRamp, pictureOf, theme } from "./colours.js";

const SIDE = 8; // of the pictures, and of each map

// The corner and the size of what lies under the filter for one pixel of its map; beyond the picture are zeros.
function patchOf({ kernel_size: size }, pixel) {
  const before = Math.floor((size - 1) / 2);
  return { row: Math.floor(pixel / SIDE) - before, column: (pixel % SIDE) - before, size };
}

// The pixels under the filter, row by row; null beyond the picture.
function pixelsUnder(structure, chosen, pixel) {
  const { row, column, size } = patchOf(structure, pixel);
  const { images } = structure.arrays;
  return Array.from({ length: size * size }, (_, place) => {
    const [r, c] = [row + Math.floor(place / size), column + (place % size)];
    if (r < 0 || c < 0 || r >= SIDE || c >= SIDE) return null;
    return Math.round((images[64 * chosen + SIDE * r + c] * 16) / 255) / 16; // sent as bytes, of 17 shades
  });
}

// The weights of a filter, row by row.
function weightsOf(structure, frame, filter) {
  const [{ start }] = structure.layout,
    size = structure.kernel_size ** 2;
  return frame.arrays.parameters.subarray(start + filter * size, start + (filter + 1) * size);
}

// What a filter makes of the picture, pixel by pixel.
function mapOf(structure, frame, chosen, filter) {
  const start = 64 * (chosen * structure.units[1] + filter);
  return frame.arrays.maps.subarray(start, start + 64);
}

// All maps of the chosen picture and all filters, one under the other: each map by its largest number in any picture,
// the filters by the largest of all.
function paintMaps({ structure, frame, chosen, atlas, filters }) {
  const count = structure.units[1],
    size = structure.kernel_size;
  const { maps, parameters } = frame.arrays;
  const largest = new Float64Array(count).fill(1e-9);
  maps.forEach((value, place) => {
    const filter = Math.floor(place / 64) % count;
    largest[filter] = Math.max(largest[filter], Math.abs(value));
  });
  pictureOf(atlas, SIDE, SIDE * count, (place) => {
    const value = maps[64 * count * chosen + place] / largest[Math.floor(place / 64)];
    return fromRamp(Math.round(127.5 + 127 * value));
  });
  const [{ start }] = structure.layout;
  const weights = parameters.subarray(start, start + count * size * size);
  const most = weights.reduce((found, value) => Math.max(found, Math.abs(value)), 1e-9);
  pictureOf(filters, size, size * count, (place) => fromRamp(Math.round(127.5 + (127 * weights[place]) / most)));
}

function drawFilter(pen, { index, filter: { x, y, side } }, { filters, frame }) {
  if (!frame) return;
  const { width } = filters;
  pen.drawImage(filters, 0, index * width, width, width, x - side / 2, y - side / 2, side, side);
  ring(pen, x - side / 2, y - side / 2, side, 1, 0.55);
}

// The pixel of a map that is at a point of the page's canvas.
function pixelAt(box, x, y) {
  const step = box.side / SIDE;
  const within = (value) => Math.max(0, Math.min(SIDE - 1, Math.floor(value / step)));
  return SIDE * within(y - box.y + box.side / 2) + within(x - box.x + box.side / 2);
}

// Rings the patch in the picture, the filter and the pixel of its map; `filter` null stands for all filters.
function drawPlace(pen, { structure, diagram }, { pixel, filter }) {
  const [[picture], maps] = diagram.columns;
  ringPatch(pen, structure, pixel, picture.x - picture.side / 2, picture.y - picture.side / 2, picture.side);
  for (const map of maps.filter(({ index }) => filter === null || index === filter)) {
    ringPixel(pen, pixel, map.x - map.side / 2, map.y - map.side / 2, map.side);
    ring(pen, map.filter.x - map.filter.side / 2, map.filter.y - map.filter.side / 2, map.filter.side);
  }
}

function ringPatch(pen, structure, pixel, left, top, side) {
  const { row, column, size } = patchOf(structure, pixel),
    step = side / SIDE;
  ring(pen, left + column * step, top + row * step, size * step);
}

function ringPixel(pen, pixel, left, top, side) {
  const step = side / SIDE;
  ring(pen, left + (pixel % SIDE) * step, top + Math.floor(pixel / SIDE) * step, step);
}

// The pixels of a map of which pooling keeps the largest: those of the 2 × 2 window that one of them lies in.
function windowOf(pixel) {
  const corner = SIDE * 2 * Math.floor(pixel / SIDE / 2) + 2 * Math.floor((pixel % SIDE) / 2);
  return [corner, corner + 1, corner + SIDE, corner + SIDE + 1];
}

function ringWindow(pen, pixel, left, top, side) {
  const [corner] = windowOf(pixel),
    step = side / SIDE;
  ring(pen, left + (corner % SIDE) * step, top + Math.floor(corner / SIDE) * step, 2 * step, 1, 0.9);
}

function ring(pen, left, top, side, width = 2.5, opacity = 1) {
  pen.strokeStyle = width > 1 ? css(theme.accent) : css(theme.ink, opacity);
  pen.lineWidth = width;
  pen.strokeRect(left, top, side, side);
}

export {
  SIDE,
  drawFilter,
  drawPlace,
  mapOf,
  paintMaps,
  pixelAt,
  pixelsUnder,
  ringPatch,
  ringPixel,
  ringWindow,
  weightsOf,
  windowOf,
};

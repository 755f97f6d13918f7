// The wires, painted pixel by pixel: where each runs is worked out once for a diagram, so that a frame only colours it.
// Strokes of a canvas cost forty times as much, and six layers of sixteen units have 1,300 of them.

import { wordOf } from "./colours.js";
import { pointOn } from "./diagram.js";

const SAMPLES = 48; // points of a curve between which it is straight

// For each wire the heights at which it crosses the columns of pixels, and how steep it is there.
function tracksOf(wires, ratio) {
  return wires.map(({ curve }) => {
    const points = Array.from({ length: SAMPLES + 1 }, (_, place) =>
      pointOn(curve, place / SAMPLES).map((value) => value * ratio),
    );
    const first = Math.ceil(points[0][0] - 0.5),
      count = Math.max(0, Math.floor(points[SAMPLES][0] - 0.5) - first + 1);
    const heights = new Float32Array(count),
      slopes = new Float32Array(count);
    let piece = 0;
    for (let column = 0; column < count; column++) {
      const x = first + column + 0.5;
      while (piece < SAMPLES - 1 && points[piece + 1][0] < x) piece++;
      const [[x0, y0], [x1, y1]] = [points[piece], points[piece + 1]];
      const slope = x1 > x0 ? (y1 - y0) / (x1 - x0) : 0;
      heights[column] = y0 + slope * (x - x0);
      slopes[column] = Math.abs(slope);
    }
    return { first, heights, slopes };
  });
}

// Paints all wires over `paper`; `look(place)` says of each how it looks: [width, opacity, red, green, blue].
function paintWires(image, tracks, paper, look) {
  const { data, width, height } = image;
  new Uint32Array(data.buffer).fill(wordOf(paper));
  tracks.forEach(({ first, heights, slopes }, place) => {
    const [thick, opacity, red, green, blue] = look(place);
    for (let column = 0; column < heights.length; column++) {
      const steep = slopes[column];
      const across = thick * Math.sqrt(1 + steep * steep), // what of the column the wire covers
        span = Math.max(steep, across); // and over how much of it that is spread
      const share = (256 * opacity * across) / span,
        top = Math.max(0, heights[column] - span / 2),
        bottom = Math.min(height, heights[column] + span / 2);
      let row = top | 0;
      for (let at = 4 * (row * width + first + column); row < bottom; row++, at += 4 * width) {
        const above = row < top ? top : row,
          below = row + 1 > bottom ? bottom : row + 1;
        const cover = (share * (below - above)) | 0; // of 256, in whole numbers: floats would cost three times as much
        data[at] += ((red - data[at]) * cover) >> 8;
        data[at + 1] += ((green - data[at + 1]) * cover) >> 8;
        data[at + 2] += ((blue - data[at + 2]) * cover) >> 8;
      }
    }
  });
}

export { paintWires, tracksOf };

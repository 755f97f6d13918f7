// The small pictures on the buttons of the data sets: a sketch of each, not its rows.

import { css, mix, penOf, theme } from "./colours.js";

const SIDE = 40;

const SKETCHES = {
  xor: (n, put) => spread(n, (u, v) => put(u, v, u * v > 0 ? 1 : 0)),
  circle: (n, put) =>
    turns(n, (angle, k) =>
      put((k % 2 ? 0.35 : 0.85) * Math.cos(angle), (k % 2 ? 0.35 : 0.85) * Math.sin(angle), k % 2),
    ),
  moons: (n, put) =>
    turns(n, (angle, k) => {
      const side = k % 2 ? 1 : -1,
        half = angle / 2;
      put(0.6 * Math.cos(half) * side - 0.3 * side, 0.75 * Math.sin(half) * side - 0.22 * side, k % 2);
    }),
  spiral: (n, put) =>
    turns(n, (angle, k) => {
      const radius = 0.1 + (0.8 * k) / n,
        at = 10 * radius + Math.PI * (k % 2);
      put(radius * Math.sin(at), radius * Math.cos(at), k % 2);
    }),
  blobs: (n, put) =>
    [
      [-0.5, 0.5],
      [0.5, 0.5],
      [-0.5, -0.5],
      [0.5, -0.5],
    ].forEach(([x, y], label) => {
      turns(n / 5, (angle, k) =>
        put(
          x + 0.1 * (1 + (k % 3)) * Math.cos(5 * angle),
          y + 0.1 * (1 + (k % 3)) * Math.sin(5 * angle),
          ["a", "b", "c", "d"][label],
        ),
      );
    }),
  plane: (n, put) => spread(n, (u, v) => put(u, v, (u + v) / 2)),
};

function spread(n, put) {
  const side = Math.ceil(Math.sqrt(n)) & ~1;
  for (let i = 0; i < side; i++)
    for (let j = 0; j < side; j++) put((1.7 * (i + 0.5)) / side - 0.85, (1.7 * (j + 0.5)) / side - 0.85);
}

function turns(n, put) {
  for (let k = 0; k < n; k++) put((2 * Math.PI * k) / n, k);
}

function drawThumbnail(canvas, name) {
  const pen = penOf(canvas, SIDE, SIDE);
  if (name === "digits") return drawText(pen, "3");
  if (name === "table") return drawText(pen, "▦");
  SKETCHES[name](44, (x, y, label) => {
    pen.fillStyle = css(colourOf(name, label));
    pen.beginPath();
    pen.arc((SIDE * (x + 1)) / 2, (SIDE * (1 - y)) / 2, 1.7, 0, 7);
    pen.fill();
  });
}

function colourOf(name, label) {
  if (name === "blobs") return theme.classes[["a", "b", "c", "d"].indexOf(label)];
  const full = label > (name === "plane" ? 0 : 0.5) ? theme.positive : theme.negative;
  const share = name === "plane" ? Math.abs(label) ** 0.7 : 1;
  return mix(theme.paper, full, share);
}

function drawText(pen, text) {
  pen.fillStyle = css(theme.ink);
  pen.font = "600 25px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, SIDE / 2, SIDE / 2 + 2);
}

export { drawThumbnail };

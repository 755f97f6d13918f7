// The colours of values, from the page's own style: light or dark, positive warm and negative cold.

import { css, readColours, rgbOf } from "./explain.js";

const CLASSES = {
  light: ["#2166ac", "#c8551b", "#2a8a4a", "#8250c4", "#b8860b", "#c2185b", "#00838f", "#6d4c41", "#5c6bc0", "#7cb342"],
  dark: ["#6aaee8", "#f0914e", "#5fc983", "#b794f6", "#e6c04c", "#f178a6", "#4dd0e1", "#c7a394", "#9fa8f5", "#b5d97a"],
};
const theme = { ramp: new Uint8ClampedArray(256 * 3), pale: new Uint8ClampedArray(256 * 3), classes: [] };
const isDark = matchMedia("(prefers-color-scheme: dark)");

function readTheme() {
  Object.assign(theme, readColours());
  theme.classes = CLASSES[isDark.matches ? "dark" : "light"].map(rgbOf);
  for (let byte = 0; byte < 256; byte++) {
    const value = (byte - 127.5) / 127.5;
    const full = value > 0 ? theme.positive : theme.negative;
    theme.ramp.set(mix(theme.paper, full, 0.9 * Math.abs(value) ** 0.8), 3 * byte);
    theme.pale.set(mix(theme.paper, full, 0.58 * Math.abs(value) ** 0.8), 3 * byte);
  }
  theme.words = wordsOf(theme.ramp);
}

function mix(from, to, share) {
  return from.map((part, i) => Math.round(part + (to[i] - part) * share));
}

// A canvas as large as its box, in the screen's own pixels; its pen draws in the page's pixels.
function penOf(canvas, width, height) {
  const ratio = Math.max(1, window.devicePixelRatio || 1);
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) [canvas.width, canvas.height] = [across, down];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

// Bytes as a picture, each through `colour(byte, place)` → [r, g, b].
function pictureOf(canvas, width, height, colour) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    const rgb = colour(place);
    image.data[4 * place] = rgb[0];
    image.data[4 * place + 1] = rgb[1];
    image.data[4 * place + 2] = rgb[2];
    image.data[4 * place + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}

// Bytes as a picture, each through a ramp, 128 being 0.
function pictureOfBytes(canvas, width, height, bytes, ramp = theme.ramp) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const words = ramp === theme.ramp ? theme.words : wordsOf(ramp);
  for (let place = 0; place < pixels.length; place++) pixels[place] = words[bytes[place]];
  pen.putImageData(image, 0, 0);
}

// The colours of a ramp, each as the four bytes of a pixel.
function wordsOf(ramp) {
  return Uint32Array.from({ length: 256 }, (_, byte) => wordOf(ramp.subarray(3 * byte, 3 * byte + 3)));
}

// A colour as the four bytes of a pixel.
function wordOf([red, green, blue]) {
  return new Uint32Array(Uint8Array.of(red, green, blue, 255).buffer)[0];
}

const rampColour = [0, 0, 0];
// The colour of a byte, 128 being 0; pale where points are drawn over it. The list is the same at every call.
function fromRamp(byte, ramp = theme.ramp) {
  const at = 3 * byte;
  rampColour[0] = ramp[at];
  rampColour[1] = ramp[at + 1];
  rampColour[2] = ramp[at + 2];
  return rampColour;
}

export { css, fromRamp, isDark, mix, penOf, pictureOf, pictureOfBytes, readTheme, theme, wordOf };

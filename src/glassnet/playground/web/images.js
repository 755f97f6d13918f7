// Held-out pictures, what each is read as, and the probabilities of all classes for the one before the network.

import { css, mix, pictureOf, theme } from "./colours.js";
import { showImage } from "./network.js";
import { label, t } from "./words.js";

const images = document.getElementById("images"),
  bars = document.getElementById("chances");
let structure = null,
  frame = null,
  chosen = 0;

function setImages(found) {
  structure = found;
  frame = null;
  images.hidden = bars.hidden = !structure.is_image;
  if (structure.is_image) make();
}

function make() {
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
  bars.replaceChildren(
    ...structure.classes.map((name) => {
      const line = document.createElement("li");
      const [digit, track, value] = ["b", "i", "span"].map((tag) => document.createElement(tag));
      digit.textContent = name;
      track.append(document.createElement("i"));
      line.append(value, track, digit);
      return line;
    }),
  );
  choose(0);
}

// Puts a picture before the network: its units show what they make of it.
function choose(row) {
  chosen = row;
  [...images.children].forEach((box, other) => box.setAttribute("aria-pressed", other === row));
  showImage(row);
  if (frame) showChances();
}

function markImages(found) {
  frame = found;
  const { chances } = frame.arrays,
    { labels } = structure.arrays;
  const count = structure.classes.length;
  [...images.children].forEach((box, row) => {
    const own = chances.subarray(row * count, (row + 1) * count);
    const guess = own.indexOf(Math.max(...own));
    box.className = guess === labels[row] ? "right" : "wrong";
    box.lastChild.textContent = structure.classes[guess];
    label(box, t("guess", labels[row], structure.classes[guess], percent(own[guess])));
  });
  showChances();
}

function showChances() {
  const count = structure.classes.length;
  bars.setAttribute("aria-label", t("chances"));
  [...bars.children].forEach((line, place) => {
    const share = frame.arrays.chances[chosen * count + place];
    line.classList.toggle("right", structure.arrays.labels[chosen] === place);
    line.children[1].firstChild.style.height = `${100 * share}%`;
    line.children[1].firstChild.style.background = css(theme.classes[place]);
    line.firstChild.textContent = Math.round(100 * share);
  });
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function repaintImages() {
  make();
  if (frame) markImages(frame);
}

export { markImages, repaintImages, setImages };

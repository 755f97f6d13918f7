// Numbers as a square of coloured buttons: a filter's weights, or those from a picture to a unit.

import { css, fromRamp } from "./colours.js";
import { write } from "./explain.js";

let at = 0; // the button that Tab leads to

// Fills a box with a button for each number. `under` are the numbers that they are multiplied with, null for zeros beyond
// a picture; `choose(place)` is called with a click. The arrow keys go from button to button.
function showCells(box, numbers, { under = null, chosen = -1, name, choose }) {
  const side = Math.sqrt(numbers.length);
  box.style.setProperty("--side", side);
  box.classList.toggle("written", side <= 5);
  if (box.children.length !== numbers.length) make(box, numbers.length);
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  at = Math.min(at, numbers.length - 1);
  [...box.children].forEach((cell, place) => {
    const share = numbers[place] / largest;
    cell.style.background = css(fromRamp(Math.round(127.5 + 127 * share)));
    cell.classList.toggle("strong", Math.abs(share) > 0.55);
    cell.classList.toggle("outside", under !== null && under[place] === null);
    const factor = under && (under[place] === null ? "0" : write(under[place], 3));
    cell.firstChild.textContent = factor ? `${factor} ·` : "";
    cell.lastChild.textContent = side <= 5 ? write(numbers[place], 2) : "";
    const text = `${name(place)} = ${write(numbers[place], 4)}`;
    cell.setAttribute("aria-label", text);
    cell.title = text;
    cell.setAttribute("aria-pressed", place === chosen);
    cell.tabIndex = place === at ? 0 : -1;
    cell.onclick = () => choose(place);
  });
}

function make(box, count) {
  at = 0;
  box.replaceChildren(
    ...Array.from({ length: count }, () => {
      const cell = Object.assign(document.createElement("button"), { type: "button" });
      cell.append(document.createElement("small"), document.createElement("span"));
      return cell;
    }),
  );
}

// Lets the arrow keys go from button to button; once for a box.
function setUpCells(box) {
  box.addEventListener("focusin", ({ target }) => {
    at = Math.max(0, [...box.children].indexOf(target));
    [...box.children].forEach((cell, place) => (cell.tabIndex = place === at ? 0 : -1));
  });
  box.addEventListener("keydown", (event) => {
    const next = beside(at, event.key, Math.sqrt(box.children.length));
    if (next === null) return;
    event.preventDefault();
    box.children[next].focus();
  });
}

// The place in a square that an arrow key leads to; null for other keys.
function beside(place, key, side) {
  const by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[key];
  if (!by) return null;
  const within = (value) => Math.max(0, Math.min(side - 1, value));
  return side * within(Math.floor(place / side) + by[0]) + within((place % side) + by[1]);
}

export { beside, setUpCells, showCells };

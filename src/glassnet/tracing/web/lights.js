// Where the terms of a number lie: the elements that its formula asks for, lit wherever they are shown.

const MOST_CROPS = 6,
  CROP_SIDE = 48,
  CROP_MARGIN = 2;
let lit = new Map(); // by call and array, which flat places

// The elements that an element of an output is made of, by the names of the call's arrays.
function readsOf(number, target, place) {
  const call = content.calls[number],
    formula = call.formulas[target];
  if (!formula) return new Map();
  const asked = whileListening(() => evaluate(call, formula.tree, scopeOf(call, target, place)));
  if (asked === null) return new Map();
  const names = new Map(Object.entries(call.arrays).map(([name, array]) => [array, name]));
  const found = new Map();
  for (const [array, at] of asked) {
    const name = names.get(array);
    if (!found.has(name)) found.set(name, new Set());
    found.get(name).add(at);
  }
  return found;
}

// Lights what an element is made of, where the page shows it; returns the same by name.
function lightUp(number, target, place) {
  const found = readsOf(number, target, place);
  lit = new Map();
  for (const [name, places] of found) {
    const [other, shown] = content.calls[number].arrays[name].shown ?? [number, name];
    lit.set(`${other}:${shown}`, places);
  }
  paintLights();
  return found;
}

function putOut() {
  lit = new Map();
  paintLights();
}

function paintLights() {
  for (const figure of document.querySelectorAll("figure[data-drawn]")) lightFigure(figure);
}

function lightFigure(figure) {
  const places = lit.get(`${figure.dataset.call}:${figure.dataset.name}`) ?? null;
  figure.classList.toggle("lit", places !== null);
  for (const view of figure.querySelectorAll(".view")) view.light(places);
}

// Small pictures for the panel: of each array the matrices that hold terms, cut to where they lie.
function drawTerms(result, number, found) {
  if (!result) return;
  const call = content.calls[number],
    host = Object.assign(document.createElement("div"), { className: "terms-lie" });
  result.append(host);
  for (const [name, places] of found) {
    const array = call.arrays[name];
    const { rows, columns } = planesOf(array);
    const boxes = new Map(); // of each matrix the rows and columns between which its terms lie
    for (const place of places) {
      const pane = Math.floor(place / (rows * columns)),
        [i, j] = unravel(place % (rows * columns), [rows, columns]);
      const [top, left, bottom, right] = boxes.get(pane) ?? [i, j, i, j];
      boxes.set(pane, [Math.min(top, i), Math.min(left, j), Math.max(bottom, i), Math.max(right, j)]);
    }
    const box = document.createElement("figure");
    box.className = "terms-at";
    const caption = document.createElement("figcaption");
    caption.innerHTML =
      math(symbol(array.symbol), "inline") +
      ` <span class="note muted">${escapeHtml(fill(words.lit, grouped(places.size), array.shape.join(" × ")))}</span>`;
    const panes = document.createElement("div");
    panes.className = "panes";
    for (const [pane, edges] of [...boxes].slice(0, MOST_CROPS)) panes.append(cropOf(array, pane, edges, places));
    box.append(caption, panes);
    host.append(box);
  }
}

function cropOf(array, number, [top, left, bottom, right], places) {
  const { lead, rows, columns } = planesOf(array);
  const [first, begin] = [Math.max(0, top - CROP_MARGIN), Math.max(0, left - CROP_MARGIN)];
  const pane = {
    rows: Math.min(rows, bottom + CROP_MARGIN + 1, first + CROP_SIDE) - first,
    columns: Math.min(columns, right + CROP_MARGIN + 1, begin + CROP_SIDE) - begin,
    place: (i, j) => (number * rows + first + i) * columns + begin + j,
  };
  const box = document.createElement("div");
  box.className = "pane";
  if (lead.length) {
    const title = unravel(number, lead).join(", ");
    box.append(Object.assign(document.createElement("span"), { className: "pane-title", textContent: title }));
  }
  const view = pictureOf(pane, array, [144, 112, 12]);
  view.light(places);
  box.append(view);
  return box;
}

// Arrays as coloured grids: tables with numbers where they are few, pictures where they are many.

const TABLE_COLUMNS = 12,
  TABLE_ROWS = 16,
  TABLE_CELLS = 128,
  TABLE_PANES = 8,
  WIDE = 6;
const tip = document.getElementById("tip"),
  announced = document.getElementById("announced");
let colours;

function rgbOf(text) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  probe.fillStyle = text;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

// The page's own, by name.
function readColours() {
  const style = getComputedStyle(document.documentElement),
    names = ["paper", "ink", "positive", "negative", "panel", "line", "accent", "muted"];
  return (colours = Object.fromEntries(names.map((name) => [name, rgbOf(style.getPropertyValue(`--${name}`).trim())])));
}

// From paper to the full colour, a little faster at first so that small numbers can be told from 0.
function colourOf(value, array, most = 1) {
  if (!Number.isFinite(value)) return colours.muted;
  const share = array.scale ? Math.min(1, Math.abs(value) / array.scale) ** 0.75 * most : 0;
  const full = isWhole(array) ? colours.muted : value > 0 ? colours.positive : colours.negative;
  return colours.paper.map((c, i) => Math.round(c + (full[i] - c) * share));
}

// The colour of an element: of what it differs by, once a number was changed.
function colourAt(array, place, most) {
  if (!content.changed) return colourOf(element(array, place), array, most);
  if (!differs(array, place)) return colours.paper;
  return colourOf(element(array, place) - recorded(array, place), { scale: array.spread, dtype: "float64" }, most);
}

function css(rgb, alpha = 1) {
  return `rgb(${rgb.join(" ")} / ${alpha})`;
}

// The matrices that an array is made of, one after the other: the axes that number them, their rows and columns.
function planesOf(array) {
  const { shape, maps } = array;
  if (maps) return { lead: shape.slice(0, 2), rows: maps[0], columns: maps[1] };
  if (shape.length < 2) return { lead: [], rows: 1, columns: shape[0] ?? 1 };
  return { lead: shape.slice(0, -2), rows: shape.at(-2), columns: shape.at(-1) };
}

// The matrices that an array is shown as: their rows, columns and the flat place of each cell.
function panesOf(array) {
  const { shape, part, at } = array;
  if (array.maps) {
    const [, width] = array.maps;
    const rows = Math.ceil(part[2] / width);
    return panesAlong([part[0], part[1]], (n, c) => ({
      title: `${n + at[0]}, ${c + at[1]}`,
      rows,
      columns: width,
      place: (i, j) => (i * width + j < part[2] ? ravel([n + at[0], c + at[1], at[2] + i * width + j], shape) : -1),
    }));
  }
  if (shape.length <= 1)
    return [{ title: "", rows: 1, columns: part[0] ?? 1, place: (_, j) => (shape.length ? at[0] + j : 0) }];
  return panesAlong(part.slice(0, -2), (...numbers) => {
    const lead = numbers.map((number, axis) => number + at[axis]);
    return {
      title: lead.join(", "),
      rows: part.at(-2),
      columns: part.at(-1),
      place: (i, j) => ravel([...lead, i + at.at(-2), j + at.at(-1)], shape),
    };
  });
}

function panesAlong(sizes, make) {
  const count = sizes.reduce((product, size) => product * size, 1);
  return Array.from({ length: count }, (_, number) => make(...unravel(number, sizes)));
}

function showsNumbers(panes) {
  const cells = panes.reduce((sum, pane) => sum + pane.rows * pane.columns, 0);
  const [{ rows, columns }] = panes;
  return panes.length <= TABLE_PANES && columns <= TABLE_COLUMNS && rows <= TABLE_ROWS && cells <= TABLE_CELLS;
}

// Draws an array into an element; `choose(place)` is told which element was clicked or entered.
function drawGrid(host, call, name, choose) {
  const array = call.arrays[name];
  const panes = panesOf(array),
    asTable = showsNumbers(panes);
  const grid = document.createElement("div");
  grid.className = "panes" + (panes.length > 1 ? " many" : "");
  for (const pane of panes) {
    const box = document.createElement("div");
    box.className = "pane";
    if (panes.length > 1)
      box.append(Object.assign(document.createElement("span"), { className: "pane-title", textContent: pane.title }));
    const view = asTable ? tableOf(pane, array) : pictureOf(pane, array, sizeOfPicture(panes.length));
    view.tabIndex = 0;
    view.setAttribute("role", "group");
    view.setAttribute("aria-label", `${labelOf(call, name)} ${pane.title} ${pane.rows} × ${pane.columns}`);
    listen(view, pane, call, name, choose);
    box.append(view);
    grid.append(box);
  }
  host.append(grid);
}

function tableOf(pane, array) {
  const table = document.createElement("table");
  table.className = "cells";
  const format = cellFormat(array, pane.columns > WIDE ? 2 : 3);
  for (let i = 0; i < pane.rows; i++) {
    const line = table.insertRow();
    for (let j = 0; j < pane.columns; j++) {
      const cell = line.insertCell(),
        place = pane.place(i, j);
      cell.dataset.place = place;
      const text = (value) => (isWhole(array) ? write(value) : writeCell(value, format));
      cell.textContent = isHere(array, place) ? text(element(array, place)) : "…";
      if (differs(array, place))
        cell.append(Object.assign(document.createElement("s"), { textContent: text(recorded(array, place)) }));
    }
  }
  table.paint = () => {
    for (const cell of table.querySelectorAll("td")) {
      const place = Number(cell.dataset.place);
      cell.style.background = isHere(array, place) ? css(colourAt(array, place, 0.6)) : "";
    }
  };
  table.classList.add("view");
  table.light = (places) => {
    for (const cell of table.querySelectorAll("td"))
      cell.classList.toggle("lit", Boolean(places?.has(Number(cell.dataset.place))));
  };
  table.cellAt = (event) => {
    const cell = event.target.closest("td");
    return cell && [cell.parentElement.rowIndex, cell.cellIndex];
  };
  table.boxOf = ([i, j]) => table.rows[i].cells[j].getBoundingClientRect();
  table.mark = (at) => {
    for (const cell of table.querySelectorAll(".cursor")) cell.classList.remove("cursor");
    if (at) table.rows[at[0]].cells[at[1]].classList.add("cursor");
  };
  table.paint();
  return table;
}

// Width and height of one of so many pictures, and the largest side of its cells.
function sizeOfPicture(count) {
  return count > 16 ? [84, 84, 12] : count > 1 ? [112, 112, 14] : [448, 336, 18];
}

function pictureOf(pane, array, [width, height, largest]) {
  const side = Math.max(2, Math.min(largest, Math.floor(width / pane.columns), Math.floor(height / pane.rows)));
  const canvas = document.createElement("canvas"),
    ratio = Math.max(1, window.devicePixelRatio || 1);
  const pen = canvas.getContext("2d");
  canvas.width = pane.columns * side * ratio;
  canvas.height = pane.rows * side * ratio;
  canvas.style.width = `${pane.columns * side}px`;
  canvas.style.height = `${pane.rows * side}px`;
  let marked = null,
    lights = null;
  canvas.className = "view";
  canvas.paint = () => {
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const gap = side >= 6 ? 1 : 0;
    for (let i = 0; i < pane.rows; i++) {
      for (let j = 0; j < pane.columns; j++) {
        const place = pane.place(i, j);
        if (place >= 0 && !isHere(array, place)) {
          hatch(pen, j * side, i * side, side - gap);
          continue;
        }
        pen.fillStyle = css(place < 0 ? colours.paper : colourAt(array, place));
        pen.fillRect(j * side, i * side, side - gap, side - gap);
      }
    }
    if (lights) outline(pen, pane, side, (i, j) => lights.has(pane.place(i, j)));
    if (marked) {
      pen.strokeStyle = css(colours.ink);
      pen.lineWidth = 2;
      pen.strokeRect(marked[1] * side - 1, marked[0] * side - 1, side + 2 - gap, side + 2 - gap);
    }
  };
  canvas.cellAt = (event) => {
    const box = canvas.getBoundingClientRect();
    const i = Math.floor(((event.clientY - box.top) / box.height) * pane.rows);
    const j = Math.floor(((event.clientX - box.left) / box.width) * pane.columns);
    return i >= 0 && j >= 0 && i < pane.rows && j < pane.columns ? [i, j] : null;
  };
  canvas.boxOf = ([i, j]) => {
    const box = canvas.getBoundingClientRect();
    const [height, width] = [box.height / pane.rows, box.width / pane.columns];
    return new DOMRect(box.left + j * width, box.top + i * height, width, height);
  };
  canvas.light = (places) => {
    if (places === lights) return;
    lights = places;
    canvas.paint();
  };
  canvas.mark = (at) => {
    marked = at;
    canvas.paint();
  };
  canvas.paint();
  return canvas;
}

// A cell whose number is not on the page.
function hatch(pen, x, y, side) {
  pen.strokeStyle = css(colours.line);
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x, y + side);
  pen.lineTo(x + side, y);
  pen.stroke();
}

// A line around the cells that are lit, the others a little paler.
function outline(pen, pane, side, isLit) {
  const inside = (i, j) => i >= 0 && j >= 0 && i < pane.rows && j < pane.columns && isLit(i, j);
  pen.fillStyle = css(colours.paper, 0.55);
  pen.strokeStyle = css(colours.ink);
  pen.lineWidth = side >= 6 ? 2 : 1;
  pen.beginPath();
  const line = (x, y, right, down) => {
    pen.moveTo(x, y);
    pen.lineTo(x + right, y + down);
  };
  for (let i = 0; i < pane.rows; i++) {
    for (let j = 0; j < pane.columns; j++) {
      const [x, y] = [j * side, i * side];
      if (!inside(i, j)) {
        pen.fillRect(x, y, side, side);
        continue;
      }
      if (!inside(i - 1, j)) line(x, y, side, 0);
      if (!inside(i + 1, j)) line(x, y + side, side, 0);
      if (!inside(i, j - 1)) line(x, y, 0, side);
      if (!inside(i, j + 1)) line(x + side, y, 0, side);
    }
  }
  pen.stroke();
}

// Pointer and keyboard on one matrix.
function listen(view, pane, call, name, choose) {
  let cursor = null;
  const show = (at, fromKeyboard = false) => {
    const place = pane.place(...at);
    if (place < 0) return hideTip();
    const value = isHere(call.arrays[name], place) ? `= ${valueText(call.arrays[name], place)}` : words.absent;
    const text = `${indexed(call, name, place)} ${value}${nameOfPlace(call, name, place)}`;
    showTip(text, view.boxOf(at));
    if (fromKeyboard) announced.textContent = text;
  };
  const move = (at) => {
    cursor = at;
    view.mark(at);
    show(at, true);
  };
  const find = (place) => {
    for (let i = 0; i < pane.rows; i++)
      for (let j = 0; j < pane.columns; j++) if (pane.place(i, j) === place) return [i, j];
    return null;
  };
  view.hasPlace = (place) => find(place) !== null;
  view.goTo = (place) => view.mark((cursor = find(place)));
  view.addEventListener("pointermove", (event) => {
    const at = view.cellAt(event);
    at ? show(at) : hideTip();
  });
  view.addEventListener("pointerleave", hideTip);
  view.addEventListener("blur", () => {
    hideTip();
    if (view !== marked) view.mark(null);
  });
  view.addEventListener("focus", () => view.matches(":focus-visible") && move(cursor ?? [0, 0]));
  view.addEventListener("click", (event) => {
    const at = view.cellAt(event);
    if (!at || pane.place(...at) < 0) return;
    view.mark((cursor = at));
    choose(pane.place(...at));
  });
  view.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const [i, j] = cursor ?? [0, 0];
    if (event.key in steps) {
      const [down, right] = steps[event.key],
        from = pane.place(i, j);
      move([Math.max(0, Math.min(pane.rows - 1, i + down)), Math.max(0, Math.min(pane.columns - 1, j + right))]);
      const to = pane.place(...cursor);
      if (panelIsOpen() && to >= 0 && to !== from) choose(to);
    } else if (event.key === "Home") {
      move([i, 0]);
    } else if (event.key === "End") {
      move([i, pane.columns - 1]);
    } else if (event.key === "Enter" || event.key === " ") {
      if (pane.place(i, j) >= 0) choose(pane.place(i, j));
    } else {
      return;
    }
    event.preventDefault();
  });
}

// A number, and what it was before a change.
function valueText(array, place) {
  const was = differs(array, place) ? `${write(recorded(array, place))} → ` : "";
  return was + write(element(array, place));
}

function showTip(text, box) {
  tip.textContent = text;
  tip.hidden = false;
  const width = tip.offsetWidth,
    height = tip.offsetHeight;
  tip.style.left = `${Math.max(4, Math.min(innerWidth - width - 4, box.left + box.width / 2 - width / 2))}px`;
  tip.style.top = `${box.top - height - 6 > 0 ? box.top - height - 6 : box.bottom + 6}px`;
}

function hideTip() {
  tip.hidden = true;
}

// An array's symbol as plain text, and with indices: "dW[2,1]".
function labelOf(call, name) {
  const [base, above] = call.arrays[name].symbol;
  return base + (above ? raisedText(above) : "");
}

function raisedText(text) {
  const letters = { x: "ˣ", y: "ʸ", z: "ᶻ", o: "ᵒ", p: "ᵖ", 2: "²", "−": "⁻", 1: "¹", s: "ˢ", b: "ᵇ", "′": "′" };
  return [...text].every((letter) => letter in letters)
    ? [...text].map((letter) => letters[letter]).join("")
    : `^${text}`;
}

function indexed(call, name, place) {
  return `${labelOf(call, name)}[${unravel(place, call.arrays[name].shape).join(", ")}]`;
}

// Whose number it is: the column of a table of inputs, the class of an output.
function nameOfPlace(call, name, place) {
  const { shape } = call.arrays[name];
  const names = shape.length === 2 ? content.names[call.arrays[name].named] : null;
  return names ? `  (${names[unravel(place, shape)[1]]})` : "";
}

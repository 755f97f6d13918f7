// Puts equations and arrays into the steps that a page brings along.

// Steps watch for the window before the first array asks for it.
const watcher =
  "IntersectionObserver" in window
    ? new IntersectionObserver(
        (entries) => {
          for (const entry of entries) {
            if (!entry.isIntersecting) continue;
            watcher.unobserve(entry.target);
            drawFigure(entry.target);
          }
        },
        { rootMargin: "600px" },
      )
    : null;

function fillCall(article, number) {
  const call = content.calls[number];
  const told = new Set();
  const equations = Object.entries(call.formulas).map(([target, { indices, tree }]) => {
    const given = definitions(call, tree, indices ?? []);
    const isNew = !told.has(given);
    told.add(given);
    return `<div>${math(equation(call, target))}${isNew ? given : ""}</div>`;
  });
  const values = Object.entries(call.settings).filter(([name]) => !["pi", "floor"].includes(name));
  const settings = values.map(([name, value]) => math(row(symbol(nameOf(call, name)), mo("="), mn(value)), "inline"));
  article.querySelector(".math").innerHTML =
    equations.join("") + (settings.length ? `<p class="settings muted">${settings.join("")}</p>` : "");
  const reads = article.querySelector(".reads"),
    arrays = article.querySelector(".arrays");
  for (const [name, array] of Object.entries(call.arrays)) {
    const isRead = ["reads", "before"].includes(array.role);
    const isZero = isRead && array.scale === 0;
    if (isRead && (array.shown || isZero)) reads.append(chip(number, name));
    else arrays.append(figure(number, name));
  }
  if (!reads.childNodes.length) reads.remove();
}

// An array that stands elsewhere on the page, and where; one that is all 0, which a click unfolds if it may be changed.
function chip(number, name) {
  const array = content.calls[number].arrays[name];
  const unfolds =
    !array.shown && content.memory && (content.parameters[`${number}:${name}`] || content.data[`${number}:${name}`]);
  const box = document.createElement(array.shown ? "a" : unfolds ? "button" : "span");
  box.className = "chip";
  Object.assign(box.dataset, { call: number, name });
  if (array.shown) box.href = `#step-${array.shown[0] + 1}`;
  if (unfolds)
    box.addEventListener("click", () => {
      const grid = figure(number, name);
      box.closest("article").querySelector(".arrays").prepend(grid);
      box.remove();
      drawFigure(grid);
      grid.querySelector(".view").focus();
    });
  writeChip(box);
  return box;
}

function writeChip(box) {
  const { arrays } = content.calls[box.dataset.call],
    array = arrays[box.dataset.name];
  const isZero = array.scale === 0 && !array.now;
  let text = isZero ? escapeHtml(words.all_zero) : "";
  if (array.shown && !isZero) {
    const [other, target] = array.shown;
    text = escapeHtml(fill(words.same_as, labelOf(content.calls[other], target), other + 1));
  }
  box.innerHTML = `${math(symbol(array.symbol), "inline")} <span>${text}</span>`;
}

function figure(number, name) {
  const call = content.calls[number],
    array = call.arrays[name];
  const box = document.createElement("figure");
  box.dataset.call = number;
  box.dataset.name = name;
  const letters = array.letters ? `(${array.letters.join(", ")}${array.letters.length === 1 ? "," : ""}) = ` : "";
  const sizes = `(${array.shape.join(", ")}${array.shape.length === 1 ? "," : ""})`;
  const notes = [];
  if (array.role === "after") notes.push(words.after);
  if (content.parameters[`${number}:${name}`] && array.role === "reads")
    notes.push(content.parameters[`${number}:${name}`]);
  const format = cellFormat(array);
  if (!isWhole(array)) notes.push(fill(words.scale, write(array.scale, 3)));
  if (format.exponent && showsNumbers(panesOf(array))) notes.push(fill(words.times, power(format.exponent)));
  const sum = sumText(call, name);
  if (sum) notes.push(sum);
  if (!array.part.every((size, axis) => size === array.shape[axis])) {
    notes.push(fill(words.part, { shown: array.part.join(" × "), all: array.shape.join(" × ") }));
  }
  const caption = document.createElement("figcaption");
  caption.innerHTML = `<span class="name">${math(symbol(array.symbol), "inline")}</span> <span class="shape">${letters}${sizes}</span> <span class="note">${escapeHtml(notes.join(" · "))}</span>`;
  box.append(caption);
  if (array.now) noteChange(box);
  box.style.minHeight = "3rem";
  watcher ? watcher.observe(box) : drawFigure(box);
  return box;
}

function sumText(call, name) {
  const formula = call.formulas[name];
  const over = formula ? outerSums(formula.tree) : [];
  if (!over.length) return "";
  const terms = over.reduce((product, [, size]) => product * size, 1);
  if (terms === 1) return "";
  const count = fill(words.terms, grouped(terms));
  return fill(words.summed, { over: over.map(([index]) => index.replace("_", "′")).join(", "), terms: count });
}

function outerSums(tree) {
  if (tree[0] === "sum") return tree[1];
  return ["+", "-", "*", "/", "negative"].includes(tree[0]) ? tree.slice(1).flatMap(outerSums) : [];
}

// Arrays are drawn when they come near the window.
function drawFigure(box) {
  if (box.dataset.drawn) return;
  box.dataset.drawn = "yes";
  box.style.minHeight = "";
  const number = Number(box.dataset.call),
    { name } = box.dataset;
  drawGrid(box, content.calls[number], name, (place) => choose(number, name, place));
  const own = box.querySelector(".window");
  own ? box.insertBefore(box.querySelector(".panes"), own) : addWindow(box, number, name);
  lightFigure(box);
}

function redraw(box) {
  box.querySelector(".panes").remove();
  delete box.dataset.drawn;
  drawFigure(box);
}

function repaintAll() {
  readColours();
  for (const view of document.querySelectorAll(".arrays canvas, table.cells")) view.paint?.();
}

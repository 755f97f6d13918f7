// Numbers that are changed by hand: the form in the panel, what follows from them, and the way back.

let changes = new Map(); // by region and place: the element that was changed, and its value

// The part of the data or the parameter that an element belongs to, with its place in the page's memory; null for
// numbers that a step writes.
function changeable(number, name, place) {
  const key = `${number}:${name}`,
    { memory } = content;
  if (!memory?.arrays[number][name] || (!content.parameters[key] && !content.data[key])) return null;
  const { region, cell } = cellsOf(number, name),
    at = cell(place);
  if (content.parameters[key]) return { region, at, kind: "parameter" };
  for (const kind of ["inputs", "targets"]) {
    const part = memory[kind];
    if (part?.region === region && at >= part.first && at < part.first + part.size)
      return { region, at, kind, place: at - part.first };
  }
  return null;
}

// Why a number cannot stand there; "" where it can.
function refusal(own, value) {
  if (!Number.isFinite(value)) return words.no_number;
  if (own.kind === "parameter") return "";
  const part = content.memory[own.kind];
  if (part.fixed) return words[`fixed_${part.fixed}`];
  let { low = -Infinity, high = Infinity, whole } = part;
  if (own.kind === "inputs") {
    const below = part.below?.[own.place % part.row] ?? 0;
    if (below) [low, high, whole] = [0, below - 1, true];
    if (part.lengths) {
      const step = Math.floor((own.place % part.row) / (part.row / part.steps));
      if (step >= part.lengths[Math.floor(own.place / part.row)]) return words.behind_the_end;
    }
  }
  if (whole && !Number.isInteger(value)) return fill(words.must_be_whole, low, high);
  if (value < low || value > high)
    return high === Infinity
      ? fill(words.must_be_from, low)
      : fill(words[whole ? "must_be_whole" : "must_be"], low, high);
  return "";
}

// The shortest decimals that are this number in its dtype.
function plain(value, dtype) {
  if (dtype !== "float32") return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

function changeForm(number, name, place) {
  const own = changeable(number, name, place);
  if (!own) return "";
  const { fixed } = content.memory[own.kind] ?? {};
  if (fixed) return paragraph(words[`fixed_${fixed}`]);
  const array = content.calls[number].arrays[name],
    value = plain(element(array, place), array.dtype);
  return (
    `<form class="change" data-place="${place}"><label>${escapeHtml(words.change)} ` +
    `<input name="value" inputmode="decimal" autocomplete="off" value="${value}"></label>` +
    `<button>${escapeHtml(words.compute_anew)}</button><p class="refused" role="alert"></p></form>`
  );
}

// Takes a number into the step. Returns why it cannot, "" if it could.
function change(number, name, place, value) {
  const own = changeable(number, name, place);
  if (!own) return words.is_calculated;
  const reason = refusal(own, value);
  if (reason) return reason;
  const array = content.calls[number].arrays[name],
    key = `${own.region}:${own.at}`,
    before = new Map(changes);
  const given = rounded(value, array.dtype);
  if (Object.is(given, recorded(array, place))) changes.delete(key);
  else changes.set(key, { ...own, number, name, element: place, value: given });
  try {
    tellChanges(replay(cellsToChange()));
    return "";
  } catch (error) {
    changes = before;
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

function cellsToChange() {
  const cells = new Map();
  for (const { region, at, value } of changes.values()) {
    if (!cells.has(region)) cells.set(region, new Map());
    cells.get(region).set(at, value);
  }
  return cells;
}

// Another trace is shown, or none.
function forgetChanges() {
  changes = new Map();
  memoryCells = recordedLines = rehearsed = roundingBounds = unmoved = null;
  compiledCalls.clear();
  document.getElementById("changes")?.remove();
  document.body.classList.remove("is-changed");
}

function takeBack() {
  changes = new Map();
  tellChanges(replay(cellsToChange()));
  if (panelIsOpen()) {
    const { number, name, place } = visited.at(-1);
    show(number, name, place);
  }
}

// What was changed and what follows, above the page, and all arrays drawn anew.
function tellChanges(found) {
  content.changed = changes.size > 0;
  let bar = document.getElementById("changes");
  if (!content.changed) bar?.remove();
  else {
    if (!bar) {
      bar = Object.assign(document.createElement("aside"), { id: "changes" });
      bar.setAttribute("aria-label", words.changes);
      const inside = document.querySelector("dialog[open] .scroller");
      inside ? inside.before(bar) : document.body.prepend(bar);
    }
    const list = [...changes.values()].map(({ number, name, element: place, value }) => {
      const was = recorded(content.calls[number].arrays[name], place);
      const text = `${indexed(content.calls[number], name, place)}: ${write(was)} → ${write(value)}`;
      return `<button class="changed" data-call="${number}" data-name="${name}" data-place="${place}">${escapeHtml(text)}</button>`;
    });
    bar.innerHTML =
      `<p>${list.join(" ")}</p><p><b>${escapeHtml(lossText())}</b> <span>${escapeHtml(fill(words.differ, grouped(found.differ), grouped(found.count)))}</span> ` +
      `<button class="take-back">${escapeHtml(words.take_back)}</button></p><p class="muted">${escapeHtml(rehearsalText())}</p>`;
  }
  document.body.classList.toggle("is-changed", content.changed);
  for (const box of document.querySelectorAll("figure[data-call]")) noteChange(box);
  for (const box of document.querySelectorAll("figure[data-drawn]")) redraw(box);
  for (const box of document.querySelectorAll(".chip[data-call]")) writeChip(box);
}

function lossText() {
  const calls = content.memory.loss.map((number) => content.calls[number]);
  const array = calls
    .flatMap((call) => Object.values(call.arrays))
    .findLast((own) => !isRead(own) && sizeOf(own) === 1);
  return array ? fill(words.loss_was, write(recorded(array, 0)), write(element(array, 0))) : "";
}

function rehearsalText() {
  const { exact, count, worst } = rehearse();
  const text = fill(words.rehearsed, grouped(exact), grouped(count));
  return exact === count ? text : text + fill(words.rehearsed_rest, write(worst, 2));
}

// In an array's caption: how many of its numbers differ, and by how much.
function noteChange(box) {
  const array = content.calls[box.dataset.call].arrays[box.dataset.name];
  box.querySelector(".differs")?.remove();
  if (!array.now) return;
  const count = array.now.reduce((sum, _, place) => sum + Number(differs(array, place)), 0);
  const text = fill(words.array_differs, grouped(count), grouped(array.now.length), write(array.spread, 3));
  const note = Object.assign(document.createElement("span"), { className: "differs", textContent: text });
  box.querySelector("figcaption").append(note);
}

panel.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target,
    text = form.elements.value.value.trim().replace("−", "-");
  const { number, name, place } = visited.at(-1);
  const reason = change(number, name, place, text === "" ? NaN : Number(text));
  if (!reason) {
    show(number, name, place);
    announced.textContent = document.getElementById("changes")?.innerText ?? words.as_recorded;
  } else form.querySelector(".refused").textContent = reason;
  const input = panel.querySelector(".change input");
  input?.focus();
  input?.select();
});

document.addEventListener("click", (event) => {
  if (event.target.closest(".take-back")) return takeBack();
  const { call, name, place } = event.target.closest(".changed")?.dataset ?? {};
  if (call !== undefined) choose(Number(call), name, Number(place));
});

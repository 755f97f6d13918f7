// The panel that explains one number: its equation, the terms that make it, the central difference beside it.

const panel = document.getElementById("panel");
const FIRST_TERMS = 40;
const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
let visited = [],
  opener = null,
  sums = [],
  marked = null;

function panelIsOpen() {
  return !panel.hidden;
}

// Explains an element of an array of a call: one that it writes, or that another wrote for it.
function choose(number, name, place) {
  const call = content.calls[number];
  if (!isHere(call.arrays[name], place)) return;
  if (["reads", "before"].includes(call.arrays[name].role)) {
    const found = origin(call, name, place);
    if (found) return choose(found.call, found.target, found.place);
  }
  const last = visited.at(-1);
  const isSame = last && last.number === number && last.name === name && last.place === place;
  if (isSame && panelIsOpen()) return enterPanel(); // asked for once more: with the keyboard, that is
  if (panel.hidden) opener = document.activeElement;
  visited.push({ number, name, place });
  show(number, name, place);
}

function enterPanel() {
  (panel.querySelector(".operand") ?? panel.querySelector(".close")).focus();
}

function show(number, name, place) {
  sums = [];
  const call = content.calls[number],
    array = call.arrays[name];
  const isInput = ["reads", "before"].includes(array.role);
  const value = element(array, place);
  const title = math(row(symbol(array.symbol, unravel(place, array.shape).map(mn)), mo("="), mn(value)), "inline");
  const was = differs(array, place)
    ? `<p class="was">${escapeHtml(fill(words.was, write(recorded(array, place))))}</p>`
    : "";
  const where = `<a href="#step-${call.step}">${escapeHtml(fill(words.of_step, call.step))}</a> ${escapeHtml(call.caller)} <code>${call.kernel}</code>`;
  const body = isInput ? inputText(number, name, place) : explanation(number, name, place);
  panel.innerHTML =
    `<div class="panel-head"><h2>${title}</h2>${was}<p class="muted">${where}${escapeHtml(nameOfPlace(call, name, place))}</p>` +
    `<div class="panel-buttons"><button class="back" ${visited.length > 1 ? "" : "disabled"}>← ${words.back}</button>` +
    `<button class="close">${words.close}</button></div></div><div class="panel-body">${body}</div>`;
  if (isInput) putOut();
  else drawTerms(panel.querySelector(".result"), number, lightUp(number, name, place));
  panel.hidden = false;
  document.body.classList.add("panel-open");
  announced.textContent = panel.querySelector(".panel-body").innerText.slice(0, 400);
  mark(number, name, place);
}

function inputText(number, name, place) {
  const parameter = content.parameters[`${number}:${name}`],
    kind = content.data[`${number}:${name}`];
  const form = content.memory ? changeForm(number, name, place) : "";
  if (parameter) return paragraph(fill(words.is_parameter, parameter)) + form;
  if (!kind) return paragraph(words.is_given);
  const found = content.beginnings[kind]?.[place];
  const begun = found ? beginning(found, recorded(content.calls[number].arrays[name], place)) : "";
  return paragraph(words.is_data) + begun + form;
}

function paragraph(text) {
  return `<p>${escapeHtml(text)}</p>`;
}

// From the value as the user has it to the number that the network takes.
function beginning([row, name, raw, expression, value], own) {
  const where = fill(words.in_row, { row, name }),
    rounded = write(value) === write(own) ? "" : ` ${fill(words.rounds_to, write(own))}`;
  const way = [
    raw === "" ? words.missing : raw,
    ...(expression ? [`${expression} = ${write(value)}`] : [write(value)]),
  ];
  return `<p class="beginning"><b>${escapeHtml(where)}</b> ${way.map((part) => `<code>${escapeHtml(part)}</code>`).join(" → ")}${escapeHtml(rounded)}</p>`;
}

function explanation(number, target, place) {
  const call = content.calls[number],
    found = explain(number, target, place);
  if (found.reason)
    return (
      `<p>${escapeHtml(reasonOf(call, found.reason))}</p>` +
      difference(call, target, place, found.element) +
      derivation(call, target, {})
    );
  const { tree } = call.formulas[target];
  const symbolic = new Typesetter(call, { links: true }),
    numeric = new Typesetter(call, { numeric: true, links: true });
  const indices = unravel(place, call.arrays[target].shape).map(mn);
  const left = symbol(call.arrays[target].symbol, indices);
  const isOneSum = REDUCTIONS.includes(tree[0]);
  const lines = [row(left, mo("="), symbolic.write(tree, found.scope))];
  if (!isOneSum) lines.push(row(mo("="), numeric.write(tree, found.scope)));
  const total = `<p class="total">${math(row(mo("="), mn(found.value)), "inline")}<span class="muted">${escapeHtml(agreement(call, target, found))}</span></p>`;
  const blocks = found.blocks
    .map((block) => (block.kind === "short" ? shortBlock(call, block) : sumBlock(call, block)))
    .join("");
  return (
    `<div class="result">${lines.map((line) => math(line)).join("")}${definitions(call, tree, Object.keys(found.scope))}${total}` +
    `${difference(call, target, place, found.element)}${derivation(call, target, found.scope)}</div>${blocks}`
  );
}

function reasonOf(call, reason) {
  return reason === "unexplained" ? fill(words[call.unexplained], call.equation) : words[reason];
}

function agreement(call, target, { value, element }) {
  const same = write(value) === write(element);
  return same ? fill(words.equals, write(element)) : fill(words.rounds, write(element), call.arrays[target].dtype);
}

function shortBlock(call, block) {
  const symbolic = new Typesetter(call, { links: true }),
    numeric = new Typesetter(call, { numeric: true, links: true });
  const [, name, given] = block.node;
  const left = symbol(nameOf(call, name), given ? symbolic.indices(given, block.scope) : []);
  const line = row(
    left,
    mo("="),
    symbolic.write(block.tree, block.inner),
    mo("="),
    numeric.write(block.tree, block.inner),
    mo("="),
    mn(block.value),
  );
  return `<div class="block">${math(line)}</div>`;
}

// One sum: a line for each term with its numbers, and a bar for its share. Of many terms the first ones at first.
function sumBlock(call, block) {
  const count = block.terms.length,
    few = Math.min(count, FIRST_TERMS);
  sums.push({ call, block });
  const more =
    count > few
      ? `<button class="show-all" data-sum="${sums.length - 1}">${fill(words.show_all, grouped(count))}</button>`
      : "";
  const head = row(new Typesetter(call).write(block.node, block.scope), mo("="), mn(block.value));
  const terms = fill(count === 1 ? words.term : words.terms, grouped(count));
  return (
    `<div class="block"><div class="sum-head">${math(head)}<span class="muted">${terms}</span></div>` +
    `<table class="terms"><tbody>${termLines(call, block, 0, few)}</tbody></table>${more}</div>`
  );
}

function termLines(call, block, from, to) {
  const symbolic = new Typesetter(call),
    numeric = new Typesetter(call, { numeric: true, links: true });
  const body = block.node[2],
    isPlain = body[0] === "array";
  const largest = block.terms.reduce((most, term) => Math.max(most, Math.abs(term.value)), 1e-300);
  return block.terms
    .slice(from, to)
    .map((term) => {
      const wins =
        (block.kind === "largest" && term.value === block.value) || (block.kind === "argmax" && term === block.winner);
      const kind = term.value < 0 ? "negative" : "positive";
      const bar = `<span class="bar"><i class="${kind}" style="width:${(50 * Math.abs(term.value)) / largest}%"></i></span>`;
      const numbers = math(numeric.write(body, term.scope), "inline");
      return (
        `<tr class="${wins ? "wins" : ""}"><td>${math(symbolic.write(body, term.scope), "inline")}</td>` +
        `<td>${isPlain ? "" : numbers}</td><td class="number">${isPlain ? numbers : write(term.value)}` +
        `${wins ? ` <small>${words.largest_wins}</small>` : ""}</td><td>${bar}</td></tr>`
      );
    })
    .join("");
}

function difference(call, target, place, own) {
  const isGradient = content.gradients.includes(`${call.step - 1}:${target}`);
  if (!isGradient) return "";
  if (content.changed) return `<p class="difference muted">${escapeHtml(words.difference_recorded)}</p>`;
  const found =
    (call.differences[target] ?? []).find(([at]) => at === place) ?? centralDifference(call.step - 1, target, place);
  if (!found || found[1] === null) return `<p class="difference muted">${escapeHtml(words.no_difference)}</p>`;
  const [, central, exact, left, right] = found;
  if (left !== undefined) {
    const values = { left: write(left), right: write(right), own: write(own) };
    return `<p class="difference">${escapeHtml(fill(words.kink, values))}</p>`;
  }
  return (
    `<p class="difference">${escapeHtml(words.difference + words.colon)}<b class="number">${write(central)}</b> ` +
    `${verdictText(call, target, place, own, central, exact)}</p>`
  );
}

function mark(number, name, place) {
  marked?.mark(null);
  marked = null;
  const figure = document.querySelector(`figure[data-call="${number}"][data-name="${name}"]`);
  if (!figure) return;
  drawFigure(figure);
  const find = () => [...figure.querySelectorAll(".view")].find((v) => v.hasPlace(place));
  if (!find() && isHere(content.calls[number].arrays[name], place)) figure.moveTo?.(place);
  const view = find();
  view?.goTo(place);
  marked = view ?? null;
  if (figure.closest(".scroller")) return (view ?? figure).scrollIntoView({ block: "center" });
  const box = (view ?? figure).getBoundingClientRect(),
    room = innerHeight - panel.offsetHeight;
  if (box.top >= 0 && box.bottom <= room) return;
  const top = scrollY + box.top - Math.max(40, (room - box.height) / 2);
  scrollTo({ top, behavior: quiet ? "auto" : "smooth" });
}

function closePanel() {
  panel.hidden = true;
  visited = [];
  putOut();
  document.body.classList.remove("panel-open");
  marked?.mark(null);
  marked = null;
  opener?.focus?.();
}

panel.addEventListener("click", (event) => {
  if (event.target.closest(".close")) return closePanel();
  if (event.target.closest(".back")) {
    visited.pop();
    const { number, name, place } = visited.at(-1);
    show(number, name, place);
    return enterPanel();
  }
  const all = event.target.closest(".show-all");
  if (all) {
    const { call, block } = sums[Number(all.dataset.sum)];
    all.previousElementSibling.tBodies[0].insertAdjacentHTML("beforeend", termLines(call, block, FIRST_TERMS));
    return all.remove();
  }
  follow(event.target.closest(".operand"));
});

panel.addEventListener("keydown", (event) => {
  if (event.key === "Enter") follow(event.target.closest(".operand"));
});

// From a number in an explanation to the explanation of that number.
function follow(operand) {
  if (!operand) return;
  const { number } = visited.at(-1);
  choose(number, operand.dataset.name, Number(operand.dataset.place));
  enterPanel();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panelIsOpen()) closePanel();
});

// How a formula comes about, in steps: a sentence, and what is equal, with the numbers of the element that is explained.

function derivation(call, target, scope) {
  const steps = call.why?.[target] ?? [];
  if (!steps.length) return "";
  const items = steps
    .map(([sentence, sides]) => `<li>${escapeHtml(sentence)}${sides.length ? equality(call, sides, scope) : ""}</li>`)
    .join("");
  return `<details class="why"><summary>${escapeHtml(words.why)}</summary><ol>${items}</ol></details>`;
}

// In symbols, then in numbers, then what both sides come to; without the numbers that are not on the page.
function equality(call, sides, scope) {
  const write = (settings) => {
    const writer = new Typesetter(call, settings);
    return sides.map((side) => writer.write(side, scope, SUM)).join(mo("="));
  };
  const lines = [row(write({ links: true }))];
  try {
    const value = evaluate(call, sides[0], scope);
    const numbers = write({ numeric: true, links: true });
    if (value !== null) lines.push(row(numbers, ...(sides.some(isOneNumber) ? [] : [mo("="), mn(value)])));
  } catch (error) {
    if (!(error instanceof NotHere)) throw error;
  }
  return lines.map((line) => math(line)).join("");
}

// Whether a side is written as its value, so that it need not be said again.
function isOneNumber(side) {
  return ["array", "number", "setting"].includes(side[0]) || REDUCTIONS.includes(side[0]);
}

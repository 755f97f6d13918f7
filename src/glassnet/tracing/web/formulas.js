// Formulas worked out: the same trees as in glassnet/tracing/formulas.py, with the same meaning.

const FUNCTIONS = {
  abs: Math.abs,
  cdf: normalCdf,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  max: Math.max,
  min: Math.min,
  sigma: (x) => 1 / (1 + Math.exp(-x)),
  sign: Math.sign,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
};

const OPERATORS = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "//": (a, b) => Math.floor(a / b),
  "%": (a, b) => a - b * Math.floor(a / b),
  "**": (a, b) => a ** b,
  negative: (a) => -a,
  "<": (a, b) => Number(a < b),
  "<=": (a, b) => Number(a <= b),
  ">": (a, b) => Number(a > b),
  ">=": (a, b) => Number(a >= b),
  "==": (a, b) => Number(a === b),
  "!=": (a, b) => Number(a !== b),
};

const REDUCTIONS = ["sum", "mean", "largest", "argmax"];

// Φ(x) = ½ erfc(−x/√2): a series near 0, a continued fraction further out.
// Source: M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions" (1964), 26.2.10 and 26.2.14.
function normalCdf(x) {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) < 3) {
    let term = x,
      sum = x;
    for (let n = 1; n < 100; n++) sum += term *= (x * x) / (2 * n + 1);
    return 0.5 + density * sum;
  }
  let fraction = 0;
  for (let n = 200; n > 0; n--) fraction = n / (Math.abs(x) + fraction);
  const tail = density / (Math.abs(x) + fraction);
  return x > 0 ? 1 - tail : tail;
}

// The value of a tree, or null where it is not there: outside an array, or another branch's.
// A scope holds the indices by name, and under "" the flat place of the element.
function evaluate(call, node, scope) {
  const [kind, ...parts] = node;
  switch (kind) {
    case "number":
      return parts[0];
    case "setting":
      return call.settings[parts[0]];
    case "nothing":
      return null;
    case "name":
      return parts[0] in scope ? scope[parts[0]] : evaluate(call, call.shorts[parts[0]].tree, scope);
    case "short": {
      const inner = shortScope(call, node, scope);
      return inner === null ? null : evaluate(call, call.shorts[parts[0]].tree, inner);
    }
    case "array": {
      const place = placeOf(call, node, scope);
      return place === null ? null : element(call.arrays[parts[0]], place);
    }
    case "if":
      return evaluate(call, evaluate(call, parts[0], scope) ? parts[1] : parts[2], scope);
    case "call": {
      const values = parts[1].map((part) => evaluate(call, part, scope));
      return values.includes(null) ? null : FUNCTIONS[parts[0]](...values);
    }
  }
  if (REDUCTIONS.includes(kind)) return reduce(node, termsOf(call, node, scope));
  const values = parts.map((part) => evaluate(call, part, scope));
  return values.includes(null) ? null : OPERATORS[kind](...values);
}

function shortScope(call, [, name, given], scope) {
  const values = given.map((part) => evaluate(call, part, scope));
  if (values.includes(null)) return null;
  return { ...scope, ...Object.fromEntries(call.shorts[name].arguments.map((index, i) => [index, values[i]])) };
}

// The flat place of an array's element; null where its indices lie outside or between its places.
function placeOf(call, [, name, indices], scope) {
  if (indices === null) return scope[""];
  const { shape } = call.arrays[name];
  const at = indices.map((index) => evaluate(call, index, scope));
  return at.every((i, axis) => Number.isInteger(i) && i >= 0 && i < shape[axis]) ? ravel(at, shape) : null;
}

// The terms of a sum, mean, largest or argmax: where each stands and what it is, those that are there.
function termsOf(call, [, ranges, body], scope) {
  const terms = [];
  const sizes = ranges.map(([, size]) => size);
  const count = sizes.reduce((product, size) => product * size, 1);
  for (let number = 0; number < count; number++) {
    const at = unravel(number, sizes);
    const inner = { ...scope, ...Object.fromEntries(ranges.map(([name], axis) => [name, at[axis]])) };
    const value = evaluate(call, body, inner);
    if (value !== null) terms.push({ scope: inner, value });
  }
  return terms;
}

function reduce([kind, ranges], terms) {
  if (kind === "largest" || kind === "argmax") {
    const winner = winnerOf(terms);
    if (kind === "largest" || !winner) return winner ? winner.value : null;
    if (winner.value === -Infinity) return 0; // nothing exceeded what there was at first
    return ravel(
      ranges.map(([name]) => winner.scope[name]),
      ranges.map(([, size]) => size),
    );
  }
  const total = terms.reduce((sum, term) => sum + term.value, 0);
  return kind === "sum" ? total : total / terms.length;
}

// The term with the largest value, of several the first; NaN exceeds every number.
function winnerOf(terms) {
  const exceeds = (b, a) => b > a || (Number.isNaN(b) && !Number.isNaN(a));
  return terms.reduce((best, term) => (best && !exceeds(term.value, best.value) ? best : term), null);
}

// The scope of one element of an output.
function scopeOf(call, target, place) {
  const scope = { "": place };
  const { indices } = call.formulas[target];
  if (indices) unravel(place, call.arrays[target].shape).forEach((index, axis) => (scope[indices[axis]] = index));
  return scope;
}

// Where the element of an array that a call reads was written: the call, the array, the place. Null for inputs.
function origin(call, name, place) {
  for (const [number, target] of call.arrays[name].from ?? []) {
    const writer = content.calls[number];
    const formula = writer.formulas[target];
    const isOthers =
      formula?.tree[0] === "if" && evaluate(writer, formula.tree, scopeOf(writer, target, place)) === null;
    if (!isOthers) return { call: number, target, place };
  }
  return null;
}

// What an element is made of: its value by the formula, and each sum and short form in it with its own terms.
function explain(number, target, place) {
  const call = content.calls[number],
    formula = call.formulas[target];
  const found = { number, target, place, element: element(call.arrays[target], place), blocks: [] };
  if (!formula) return { ...found, reason: "unexplained" };
  const scope = scopeOf(call, target, place);
  try {
    const value = evaluate(call, formula.tree, scope);
    if (value === null) return { ...found, reason: formula.tree[0] === "if" ? "other_branch" : "padding" };
    collect(call, formula.tree, scope, found.blocks);
    return { ...found, scope, value };
  } catch (error) {
    if (error instanceof NotHere) return { ...found, reason: "not_here" };
    throw error;
  }
}

// The sums and short forms of a tree, in the order in which they are read; those inside a sum's terms are left alone.
function collect(call, node, scope, blocks) {
  const [kind, ...parts] = node;
  if (REDUCTIONS.includes(kind)) {
    const terms = termsOf(call, node, scope);
    blocks.push({ kind, node, scope, terms, value: reduce(node, terms), winner: winnerOf(terms) });
  } else if (kind === "name" || kind === "short") {
    const short = call.shorts[parts[0]];
    if (!short || parts[0] in scope) return;
    const inner = kind === "short" ? shortScope(call, node, scope) : scope;
    const value = evaluate(call, short.tree, inner);
    if (!isRename(short) && !blocks.some((b) => same(b.node, node) && b.scope === scope)) {
      blocks.push({ kind: "short", node, scope, inner, tree: short.tree, value, terms: [] });
      collect(call, short.tree, inner, blocks);
    }
  } else if (kind === "if") {
    collect(call, parts[0], scope, blocks);
    collect(call, evaluate(call, parts[0], scope) ? parts[1] : parts[2], scope, blocks);
  } else if (kind === "call") {
    for (const part of parts[1]) collect(call, part, scope, blocks);
  } else if (kind === "array") {
    return;
  } else {
    for (const part of parts) if (Array.isArray(part)) collect(call, part, scope, blocks);
  }
}

function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

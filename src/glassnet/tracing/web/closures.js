// Trees as functions, each made once: with these a whole step is worked out, every element of it. They give the same
// values as `evaluate`, and how far rounding may move them.
//
// The bound, in units of u (half the distance from 1 to the next number): an operation on a and b whose result is v
// rounds it by at most u|v|, and hands on what a and b are off by, times how much v changes with them. A sum of n terms
// is off by at most (n − 1) u Σ|terms| in whatever order it is added up. All to first order in u.
// Source: N. Higham, "Accuracy and Stability of Numerical Algorithms" (2nd edition, 2002), sections 3.3 and 4.2.

let slack = 0, // of the value that was worked out last, in units of u
  slots = []; // the indices of the element that is being worked out; the first is its flat place

const FUNCTION_ROUNDING = 4; // in u: libraries' exp and the like are not rounded as well as + and ×

// How much a function changes with its argument, from the argument and the value.
const SLOPES = {
  abs: () => 1,
  cdf: (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI),
  exp: (_, y) => Math.abs(y),
  expm1: (_, y) => Math.abs(y + 1),
  log: (x) => 1 / Math.abs(x),
  log1p: (x) => 1 / Math.abs(1 + x),
  sigma: (_, y) => y * (1 - y),
  sign: () => 0,
  sqrt: (_, y) => 0.5 / y,
  tanh: (_, y) => 1 - y * y,
};

// What an operator's value is off by: from both operands, what they are off by, and the value.
const SPREADS = {
  "+": (a, b, p, q, v) => p + q + Math.abs(v),
  "-": (a, b, p, q, v) => p + q + Math.abs(v),
  "*": (a, b, p, q, v) => Math.abs(a) * q + Math.abs(b) * p + Math.abs(v),
  "/": (a, b, p, q, v) => (p + Math.abs(v) * q) / Math.abs(b) + Math.abs(v),
  "**": (a, b, p, q, v) => Math.abs(v) * (p ? (Math.abs(b) * p) / Math.abs(a) : 0) + powerRounding(a, b, q, v),
};

function powerRounding(a, b, q, v) {
  return Math.abs(v) * (FUNCTION_ROUNDING + Math.abs(b) + (q && a > 0 ? Math.abs(Math.log(a)) * q : 0));
}

const compiledCalls = new Map();

// A call's formulas as functions of a flat place. Its arrays are what `sources` says: their values, what these are off
// by, and, where an array is worked out only now, who does that.
function compiled(call) {
  if (!compiledCalls.has(call)) {
    const own = { call, size: 1, given: new Set(), pass: 0, sources: {}, targets: {} };
    for (const name of Object.keys(call.arrays)) own.sources[name] = { values: null, slacks: null, need: null };
    compiledCalls.set(call, own);
    for (const target of Object.keys(call.formulas)) own.targets[target] = elementOf(own, target);
  }
  return compiledCalls.get(call);
}

// One element of an output: null where another call writes it.
function elementOf(own, target) {
  const { indices, tree } = own.call.formulas[target],
    { shape } = own.call.arrays[target];
  const names = new Map([["", 0]]);
  for (const index of indices ?? []) names.set(index, own.size++);
  const run = compileNode(own, tree, names);
  const axes = (indices ?? []).map((index) => names.get(index));
  return (place) => {
    slots[0] = place;
    for (let axis = axes.length - 1, rest = place; axis >= 0; axis--) {
      slots[axes[axis]] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    slack = 0;
    const value = run();
    return value === null && tree[0] !== "if" ? 0 : value;
  };
}

function compileNode(own, node, names) {
  const [kind, ...parts] = node;
  const sub = (part) => compileNode(own, part, names);
  const exact = (value) => () => ((slack = 0), value);
  switch (kind) {
    case "number":
      return exact(parts[0]);
    case "nothing":
      return exact(null);
    case "setting": {
      const value = own.call.settings[parts[0]];
      return () => ((slack = Math.abs(value)), value);
    }
    case "name":
    case "short": {
      const slot = names.get(parts[0]);
      return kind === "name" && slot !== undefined ? () => ((slack = 0), slots[slot]) : compileShort(own, node, names);
    }
    case "array":
      return compileArray(own, parts[0], parts[1], names);
    case "if": {
      const [test, yes, no] = parts.map(sub);
      return () => (test() ? yes() : no());
    }
    case "call":
      return compileFunction(parts[0], parts[1].map(sub));
    case "negative": {
      const [inner] = parts.map(sub);
      return () => {
        const value = inner();
        return value === null ? null : -value;
      };
    }
  }
  if (REDUCTIONS.includes(kind)) return compileReduction(own, node, names);
  return compileOperator(kind, ...parts.map(sub));
}

function compileOperator(sign, left, right) {
  const apply = OPERATORS[sign],
    spread = SPREADS[sign] ?? (() => 0);
  return () => {
    const a = left();
    if (a === null) return null;
    const p = slack,
      b = right();
    if (b === null) return null;
    const value = apply(a, b);
    slack = spread(a, b, p, slack, value);
    return value;
  };
}

function compileFunction(name, given) {
  const apply = FUNCTIONS[name],
    slope = SLOPES[name];
  if (given.length === 1) {
    const rounding = name === "abs" || name === "sign" ? 0 : FUNCTION_ROUNDING,
      least = name === "cdf" ? 1 : 0; // what is near 0 is a difference of larger numbers there
    return () => {
      const x = given[0]();
      if (x === null) return null;
      const value = apply(x);
      slack = (slack ? slope(x, value) * slack : 0) + rounding * Math.max(least, Math.abs(value));
      return value;
    };
  }
  return () => {
    let most = 0;
    const values = [];
    for (const part of given) {
      const value = part();
      if (value === null) return null;
      values.push(value);
      most = Math.max(most, slack);
    }
    slack = most; // min and max choose one of them
    return apply(...values);
  };
}

function compileArray(own, name, indices, names) {
  const source = own.sources[name],
    { shape } = own.call.arrays[name];
  const read = (place) => {
    if (source.need) source.need(place);
    slack = source.slacks ? source.slacks[place] : 0;
    return source.values[place];
  };
  if (indices === null) return () => read(slots[0]);
  // Indices that count from 0 up need no proof; those that a short form is given may be any number.
  const plain = indices.map(([kind, index]) => {
      const slot = kind === "name" ? names.get(index) : undefined;
      return own.given.has(slot) ? undefined : slot;
    }),
    at = indices.map((index) => compileNode(own, index, names));
  if (!plain.includes(undefined))
    return () => {
      let place = 0;
      for (let axis = 0; axis < plain.length; axis++) {
        const index = slots[plain[axis]];
        if (index >= shape[axis]) return null;
        place = place * shape[axis] + index;
      }
      return read(place);
    };
  return () => {
    let place = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      const slot = plain[axis],
        index = slot === undefined ? at[axis]() : slots[slot];
      if (!Number.isInteger(index) || index < 0 || index >= shape[axis]) return null;
      place = place * shape[axis] + index;
    }
    return read(place);
  };
}

// A short form is put in where it is used: it sees the indices around it.
function compileShort(own, [kind, name, given], names) {
  const short = own.call.shorts[name],
    inner = new Map(names);
  const values = (kind === "short" ? given : []).map((part) => compileNode(own, part, names));
  const taken = values.map((_, i) => {
    inner.set(short.arguments[i], own.size);
    own.given.add(own.size);
    return own.size++;
  });
  let body = null; // made when it is needed first: one may come back to itself
  const run = () => (body ??= compileNode(own, short.tree, inner))();
  const enter = () => {
    const found = [];
    for (const value of values) {
      const index = value();
      if (index === null) return false;
      found.push(index);
    }
    taken.forEach((slot, i) => (slots[slot] = found[i]));
    return true;
  };
  if (!hasSum(own.call, short.tree)) return () => (enter() ? run() : null);
  return remembered(
    own,
    enter,
    run,
    [...usedIn(own.call, short.tree)].flatMap((used) => inner.get(used) ?? []),
  );
}

// Sums that many elements share are added up once in a pass.
function remembered(own, enter, run, keys) {
  const kept = new Map();
  let pass = -1;
  return () => {
    if (!enter()) return null;
    if (pass !== own.pass) kept.clear();
    pass = own.pass;
    const key = keys.map((slot) => slots[slot]).join();
    const found = kept.get(key);
    if (found) return (slack = found[1]), found[0];
    const value = run();
    kept.set(key, [value, slack]);
    return value;
  };
}

function hasSum(call, tree, within = []) {
  if (!Array.isArray(tree)) return false;
  if (REDUCTIONS.includes(tree[0])) return true;
  const short = ["name", "short"].includes(tree[0]) && !within.includes(tree[1]) ? call.shorts[tree[1]] : null;
  return (
    (short ? hasSum(call, short.tree, [...within, tree[1]]) : false) || tree.some((part) => hasSum(call, part, within))
  );
}

// The names that a tree speaks of, "" for the element's own place.
function usedIn(call, tree, found = new Set()) {
  if (!Array.isArray(tree)) return found;
  if (tree[0] === "array" && tree[2] === null) found.add("");
  if (tree[0] === "name" || tree[0] === "short") {
    const isNew = !found.has(tree[1]);
    found.add(tree[1]);
    if (isNew && call.shorts[tree[1]]) usedIn(call, call.shorts[tree[1]].tree, found);
  }
  for (const part of tree) usedIn(call, part, found);
  return found;
}

function compileReduction(own, [kind, ranges, tree], names) {
  const inner = new Map(names),
    sizes = ranges.map(([, size]) => size);
  const inside = ranges.map(([name]) => {
    inner.set(name, own.size);
    return own.size++;
  });
  const body = compileNode(own, tree, inner),
    count = sizes.reduce((product, size) => product * size, 1);
  const last = sizes.length - 1;
  const start = () => {
    for (const slot of inside) slots[slot] = 0;
  };
  const next = () => {
    for (let axis = last; axis >= 0; axis--) {
      if (++slots[inside[axis]] < sizes[axis]) return;
      slots[inside[axis]] = 0;
    }
  };
  if (kind === "sum" || kind === "mean") {
    return () => {
      let total = 0,
        size = 0,
        off = 0,
        terms = 0;
      start();
      for (let number = 0; number < count; number++, next()) {
        const value = body();
        if (value === null) continue;
        total += value;
        size += Math.abs(value);
        off += slack;
        terms++;
      }
      slack = off + Math.max(0, terms - 1) * size;
      if (kind === "sum") return total;
      slack = (slack + size) / Math.max(1, terms);
      return total / Math.max(1, terms);
    };
  }
  return () => {
    let best = null,
      winner = 0,
      most = 0;
    start();
    for (let number = 0; number < count; number++, next()) {
      const value = body();
      if (value === null) continue;
      most = Math.max(most, slack);
      if (best !== null && !(value > best || (Number.isNaN(value) && !Number.isNaN(best)))) continue;
      best = value;
      winner = number;
    }
    slack = kind === "largest" ? most : 0;
    return kind === "largest" || best === null ? best : best === -Infinity ? 0 : winner;
  };
}

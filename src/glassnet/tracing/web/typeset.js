// Trees as MathML. Indices whose value the scope holds are written as numbers; with `numeric`, arrays and settings too.
// An index that the scope holds as null is bound, but to no value yet.

const CHOICE = 0,
  SUM = 1,
  PRODUCT = 2,
  POWER = 3,
  ATOM = 4;

function mo(sign) {
  return `<mo>${escapeHtml(sign)}</mo>`;
}

function mi(text) {
  return `<mi>${escapeHtml(text)}</mi>`;
}

function mn(value) {
  const text = write(value);
  return text.startsWith("−") ? `<mrow>${mo("−")}<mn>${text.slice(1)}</mn></mrow>` : `<mn>${text}</mn>`;
}

function row(...parts) {
  return `<mrow>${parts.join("")}</mrow>`;
}

function fenced(inner, open = "(", close = ")") {
  return row(mo(open), inner, mo(close));
}

// In a line of text, or on a line of its own with its sums and fractions at full size.
function math(inner, display = "block") {
  return `<math displaystyle="true"${display === "block" ? ' class="line"' : ""}>${inner}</math>`;
}

// A symbol with what stands above and below it, and its indices.
function symbol([base, marks, below], indices = []) {
  const above = marks.replace("′", "");
  const under = [...(below ? [mi(below)] : []), ...indices].join(mo(","));
  const letter = above === marks ? mi(base) : row(mi(base), `<mo lspace="0" rspace="0">′</mo>`);
  if (above && under) return `<msubsup>${letter}${row(under)}${row(mi(above))}</msubsup>`;
  if (above) return `<msup>${letter}${row(mi(above))}</msup>`;
  return under ? `<msub>${letter}${row(under)}</msub>` : letter;
}

function nameOf(call, name) {
  return call.symbols[name] ?? call.arrays[name]?.symbol ?? [name, "", ""];
}

class Typesetter {
  constructor(call, { numeric = false, links = false } = {}) {
    this.call = call;
    this.numeric = numeric;
    this.links = links;
  }

  // The tree in a place of that strength: weaker ones get brackets.
  write(node, scope, strength = CHOICE) {
    const [text, own] = this.parts(node, scope);
    return own < strength ? fenced(text) : text;
  }

  parts(node, scope) {
    const [kind, ...parts] = node;
    switch (kind) {
      case "number":
        return this.value(parts[0]);
      case "setting":
        return this.numeric ? this.value(this.call.settings[parts[0]]) : [symbol(nameOf(this.call, parts[0])), ATOM];
      case "nothing":
        return [mn(0), ATOM];
      case "name":
        return this.name(parts[0], node, scope);
      case "array":
        return this.array(node, scope);
      case "short": {
        if (this.numeric && isKnown(this.call, node, scope)) return this.value(evaluate(this.call, node, scope));
        return [symbol(nameOf(this.call, parts[0]), this.indices(parts[1], scope)), ATOM];
      }
      case "if":
        return this.choice(parts, scope);
      case "call":
        return this.function(parts[0], parts[1], scope);
    }
    if (REDUCTIONS.includes(kind)) return this.reduction(node, scope);
    return this.operator(kind, parts, scope);
  }

  value(number) {
    return [mn(number), number < 0 ? SUM : ATOM];
  }

  name(name, node, scope) {
    if (name in scope) return scope[name] === null ? [symbol(nameOf(this.call, name)), ATOM] : this.value(scope[name]);
    const short = this.call.shorts[name];
    if (short && isRename(short)) return this.parts(short.tree, scope);
    if (this.numeric && isKnown(this.call, node, scope)) return this.value(evaluate(this.call, node, scope));
    return [symbol(nameOf(this.call, name)), ATOM];
  }

  indices(nodes, scope) {
    return nodes.map((node) => {
      const known = isKnown(this.call, node, scope) ? evaluate(this.call, node, scope) : null;
      return Number.isInteger(known) ? mn(known) : new Typesetter(this.call).write(node, scope);
    });
  }

  array(node, scope) {
    const [, name, given] = node;
    const array = this.call.arrays[name];
    const known = isKnown(this.call, node, scope);
    const place = known ? placeOf(this.call, node, scope) : null;
    let inner,
      strength = ATOM;
    if (this.numeric && place !== null) {
      [inner, strength] = this.value(element(array, place));
    } else {
      const at = given ? this.indices(given, scope) : place !== null ? unravel(place, array.shape).map(mn) : [];
      inner = symbol(array.symbol, at);
    }
    if (!this.links || place === null) return [inner, strength];
    const link = `class="operand" tabindex="0" role="link" data-name="${escapeHtml(name)}" data-place="${place}"`;
    return [`<mrow ${link}>${strength < PRODUCT ? fenced(inner) : inner}</mrow>`, ATOM];
  }

  choice([condition, yes, no], scope) {
    if (isKnown(this.call, condition, scope))
      return this.parts(evaluate(this.call, condition, scope) ? yes : no, scope);
    const line = (value, when) => `<mtr><mtd>${value}</mtd><mtd>${when}</mtd></mtr>`;
    const lines =
      line(this.write(yes, scope), this.write(condition, scope)) + line(this.write(no, scope), mi(words.otherwise));
    return [row(mo("{"), `<mtable columnalign="left">${lines}</mtable>`), PRODUCT];
  }

  function(name, given, scope) {
    const written = given.map((part) => this.write(part, scope));
    const raised = (text) => `<msup>${mi("e")}${row(text)}</msup>`;
    switch (name) {
      case "exp":
        return [raised(written[0]), ATOM];
      case "expm1":
        return [row(raised(written[0]), mo("−"), mn(1)), SUM];
      case "log1p":
        return [row(mi("log"), fenced(row(mn(1), mo("+"), written[0]))), PRODUCT];
      case "sqrt":
        return [`<msqrt>${written[0]}</msqrt>`, ATOM];
      case "abs":
        return [fenced(written[0], "|", "|"), ATOM];
    }
    const shown = { cdf: "Φ", sigma: "σ", sign: "sgn" }[name] ?? name;
    return [row(mi(shown), fenced(written.join(mo(",")))), ATOM];
  }

  reduction(node, scope) {
    const [kind, ranges, body] = node;
    if (this.numeric && isKnown(this.call, node, scope)) return this.value(evaluate(this.call, node, scope));
    const free = { ...scope, ...Object.fromEntries(ranges.map(([name]) => [name, null])) };
    // A little lower: where no font for mathematics is installed, the index would touch the sign.
    const names = ranges.map(([name]) => symbol(nameOf(this.call, name))).join(mo(","));
    const under = `<mpadded voffset="-0.18em" depth="+0.18em">${names}</mpadded>`;
    const sign = kind === "sum" ? `<mo largeop="true">∑</mo>` : mi({ largest: "max" }[kind] ?? kind);
    return [row(`<munder>${sign}${under}</munder>`, this.write(body, free, PRODUCT)), PRODUCT];
  }

  operator(kind, [a, b], scope) {
    switch (kind) {
      case "+":
        return [row(this.write(a, scope, SUM), mo("+"), this.write(b, scope, PRODUCT)), SUM];
      case "-":
        return [row(this.write(a, scope, SUM), mo("−"), this.write(b, scope, PRODUCT)), SUM];
      case "*":
        return [row(this.write(a, scope, PRODUCT), mo("⋅"), this.write(b, scope, POWER)), PRODUCT];
      case "/":
        return [`<mfrac>${row(this.write(a, scope))}${row(this.write(b, scope))}</mfrac>`, POWER];
      case "//":
        return [fenced(`<mfrac>${row(this.write(a, scope))}${row(this.write(b, scope))}</mfrac>`, "⌊", "⌋"), ATOM];
      case "%":
        return [row(this.write(a, scope, PRODUCT), mi("mod"), this.write(b, scope, POWER)), PRODUCT];
      case "**":
        return [`<msup>${row(this.write(a, scope, ATOM))}${row(this.write(b, scope))}</msup>`, POWER];
      case "negative":
        return [row(mo("−"), this.write(a, scope, PRODUCT)), SUM];
    }
    const sign = { "<=": "≤", ">=": "≥", "==": "=", "!=": "≠" }[kind] ?? kind;
    return [fenced(row(this.write(a, scope), mo(sign), this.write(b, scope)), "[", "]"), ATOM];
  }
}

// Whether all indices that a tree needs are in the scope. Short forms that turn h into h′ and back are of no help.
function isKnown(call, node, scope, within = []) {
  if (!Array.isArray(node)) return true;
  const [kind, ...parts] = node;
  if (typeof kind !== "string") return node.every((part) => isKnown(call, part, scope, within));
  const also = (names) => ({ ...scope, ...Object.fromEntries(names.map((name) => [name, 0])) });
  if (kind === "name") {
    const [name] = parts;
    if (name in scope) return scope[name] !== null;
    return (
      name in call.shorts && !within.includes(name) && isKnown(call, call.shorts[name].tree, scope, [...within, name])
    );
  }
  if (kind === "array" && parts[1] === null) return "" in scope;
  if (REDUCTIONS.includes(kind)) return isKnown(call, parts[1], also(parts[0].map(([name]) => name)), within);
  if (kind === "short") {
    const short = call.shorts[parts[0]];
    return isKnown(call, parts[1], scope, within) && isKnown(call, short.tree, also(short.arguments), within);
  }
  return parts.every((part) => isKnown(call, part, scope, within));
}

// The equation of an output, and those of the short forms in it.
function equation(call, target) {
  const { indices, tree } = call.formulas[target];
  const writer = new Typesetter(call);
  const at = (indices ?? []).map((name) => symbol(nameOf(call, name)));
  const scope = Object.fromEntries((indices ?? []).map((name) => [name, null]));
  return row(symbol(call.arrays[target].symbol, at), mo("="), writer.write(tree, scope));
}

function shortEquation(call, name) {
  const short = call.shorts[name];
  const at = short.arguments.map((index) => symbol(nameOf(call, index)));
  return row(
    symbol(nameOf(call, name), at),
    mo("="),
    new Typesetter(call).write(short.tree, Object.fromEntries(short.arguments.map((index) => [index, null]))),
  );
}

// A short form that is another index, or a number: it is written as that.
function isRename(short) {
  return ["name", "number"].includes(short.tree[0]);
}

// The short forms that are written in an equation, each with its own equation: "with h = h′ + i − 1, …".
function definitions(call, tree, bound) {
  const names = shortsIn(call, tree, bound).filter((name) => !isRename(call.shorts[name]));
  if (!names.length) return "";
  return `<p class="with muted">${words.with} ${names.map((name) => math(shortEquation(call, name), "inline")).join(", ")}</p>`;
}

// The short forms that a tree asks for, one through the other.
function shortsIn(call, node, bound, found = []) {
  if (!Array.isArray(node)) return found;
  const [kind, ...parts] = node;
  if ((kind === "name" || kind === "short") && parts[0] in call.shorts && !bound.includes(parts[0])) {
    if (!found.includes(parts[0])) {
      found.push(parts[0]);
      shortsIn(call, call.shorts[parts[0]].tree, [...bound, ...call.shorts[parts[0]].arguments], found);
    }
  }
  const inner = REDUCTIONS.includes(kind) ? [...bound, ...parts[0].map(([name]) => name)] : bound;
  for (const part of typeof kind === "string" ? parts : node) shortsIn(call, part, inner, found);
  return found;
}

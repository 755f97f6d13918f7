// A gradient beside the central difference of the loss: what the difference between the two means.

let roundingBounds = null; // by array, in units of u = 2⁻²⁴

// "agrees", where they are apart by no more than the central difference is off by; "rounding", where float32 explains it,
// since the same backward pass in float64 agrees; "coarse", where it agrees and float32 is off by more than the bound on
// its rounding: on the other side of a kink, for instance; else "wrong".
//
// A central difference is off by the rounding of two losses, each by some 8 ε|L|, over the distance 2h between them, and by
// h²/6 times the third derivative: 10⁻⁶ of itself leaves room for that. Both are in `content.checks`.
function verdictOf(own, central, exact, bound) {
  const { relative, absolute } = content.checks;
  const isNear = (a) => Math.abs(a - central) <= relative * Math.max(Math.abs(a), Math.abs(central)) + absolute;
  if (isNear(own)) return "agrees";
  if (exact === null || !isNear(exact)) return "wrong";
  return bound !== null && Math.abs(own - exact) > SAFETY * bound ? "coarse" : "rounding";
}

function verdictText(call, target, place, own, central, exact) {
  const bound = roundingBound(call, target, place),
    kind = verdictOf(own, central, exact, bound);
  const values = {
    apart: write(Math.abs(central - own), 2),
    exact: exact === null ? "" : write(exact),
    off: exact === null ? "" : write(Math.abs(own - exact), 2),
    most: bound === null ? "" : fill(words.rounding_bound, write(bound, 2)),
    allowed: write(content.checks.relative * Math.max(Math.abs(own), Math.abs(central)) + content.checks.absolute, 2),
  };
  return `<b class="verdict ${kind}">${escapeHtml(words[`verdict_${kind}`])}</b>${escapeHtml(fill(words[`why_${kind}`], values))}`;
}

// How far off the rounding of float32 may make a number that the step calculates; null where that is not known.
function roundingBound(call, target, place) {
  const array = call.arrays[target];
  if (array.dtype !== "float32" || !content.memory || content.changed) return null;
  if (roundingBounds === null) {
    try {
      if (termsOfStep() > MOST_TERMS / 4) return null;
      rehearse();
      roundingBounds = boundAll();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      roundingBounds = new Map();
    }
  }
  const found = roundingBounds.get(array)?.[place] ?? NaN;
  return Number.isFinite(found) ? found * 2 ** -24 : null;
}

// The bounds of a whole step. What a number is off by is what its line makes of the bounds of the numbers that it is made
// of, and its own rounding: `closures.js` says how. The step's inputs and parameters are what they are, off by nothing.
function boundAll() {
  const off = content.memory.regions.map(([, size]) => new Float64Array(size)),
    found = new Map();
  content.calls.forEach((call, number) => {
    const own = sourcesOf(call, (array) => Float64Array.from(numbers(array.id).values));
    for (const [name, array] of Object.entries(call.arrays)) {
      const { region, size, cell } = cellsOf(number, name);
      own.sources[name].slacks = new Float64Array(size);
      if (isRead(array))
        for (let place = 0; place < size; place++) own.sources[name].slacks[place] = off[region][cell(place)];
    }
    const needs = [];
    for (const [name, array] of Object.entries(call.arrays)) {
      if (isRead(array) || array.dtype === "bool") continue;
      const { slacks } = own.sources[name],
        run = own.targets[name];
      const { region, cell } = cellsOf(number, name);
      const need = once(slacks.length, (place) => {
        const value = run ? run(place) : NaN; // of what has no line nothing is known
        slacks[place] = value === null ? off[region][cell(place)] : slack + Math.abs(value);
      });
      own.sources[name].need = need;
      needs.push([name, array, slacks, need]);
    }
    for (const [, , slacks, need] of needs) for (let place = 0; place < slacks.length; place++) need(place);
    for (const [name, array, slacks] of needs) {
      const { region, cell } = cellsOf(number, name);
      own.sources[name].need = null;
      slacks.forEach((value, place) => (off[region][cell(place)] = value));
      found.set(array, slacks);
    }
  });
  return found;
}

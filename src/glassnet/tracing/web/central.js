// Central differences that a page works out itself, where nobody has done so before: the step in float64 throughout, by
// the lines of its elements, with one number moved. `content.memory.slopes` says which memory holds the gradients of
// which: both have their numbers at the same places.

let unmoved = null; // the step in float64 as it is: the memory behind the last backward call, and the loss

// A gradient's place, its central difference and what it is in float64; where the loss has a kink, the slopes of both
// sides too, as glassnet/tracing/content.py gives them. null where there is none.
function centralDifference(number, target, place) {
  const pair = content.memory?.slopes?.find(([region]) => region === content.memory.arrays[number][target]?.[0]);
  if (!pair || isOverwritten(number, target) || termsOfStep() > MOST_TERMS) return null;
  const { region, cell } = cellsOf(number, target),
    at = cell(place);
  unmoved ??= stepInFloat64(Math.max(...content.gradients.map((key) => parseInt(key, 10))));
  const read = unmoved?.cells[pair[1]];
  if (!read?.known[at]) return null;
  const value = read.values[at],
    h = content.checks.step * Math.max(1, Math.abs(value)),
    last = Math.max(...content.memory.loss);
  const [below, above] = [value - h, value + h].map(
    (moved) => stepInFloat64(last, { region: pair[1], at, value: moved }).loss,
  );
  const left = (unmoved.loss - below) / h,
    right = (above - unmoved.loss) / h;
  const found = [place, (above - below) / (2 * h), unmoved.cells[region].values[at]];
  return isKink(left, right) ? [...found, left, right] : found;
}

// Whether the slopes differ by their whole size; those of a smooth function do by h times its curvature.
function isKink(left, right) {
  const gap = Math.abs(left - right);
  return gap > 1e-3 * Math.max(Math.abs(left), Math.abs(right)) && gap > 1e-4;
}

// What a later backward call overwrites is no gradient yet.
function isOverwritten(number, target) {
  const [region, first] = content.memory.arrays[number][target];
  return content.gradients.some((key) => {
    const [other, name] = key.split(":"),
      found = content.memory.arrays[other][name];
    return Number(other) > number && found?.[0] === region && found[1] === first;
  });
}

// The calls as far as one; `moved` is the number that is not what it was: its region, place and value. null where a line
// is missing.
function stepInFloat64(last, moved = null) {
  const cells = content.memory.regions.map(([, size]) => ({
    values: new Float64Array(size),
    known: new Uint8Array(size),
  }));
  const put = (region, at, value) => {
    cells[region].known[at] = 1;
    cells[region].values[at] = moved?.region === region && moved.at === at ? moved.value : value;
  };
  within = 0;
  for (let number = 0; number <= last; number++) if (!repeatCall(number, cells, put)) return null;
  const losses = content.memory.loss.flatMap((number) =>
    Object.entries(content.calls[number].arrays)
      .filter(([, array]) => !isRead(array) && sizeOf(array) === 1)
      .map(([name]) => cellsOf(number, name)),
  );
  const { region, cell } = losses.at(-1);
  return { cells, loss: cells[region].values[cell(0)] };
}

function repeatCall(number, cells, put) {
  const call = content.calls[number];
  const own = sourcesOf(call, (array, name) => {
    const { region, size, cell } = cellsOf(number, name),
      recorded = numbers(array.id).values,
      { values, known } = cells[region];
    return Float64Array.from({ length: size }, (_, place) => {
      const at = cell(place);
      if (isRead(array) && !known[at]) put(region, at, recorded[place]);
      return known[at] ? values[at] : recorded[place];
    });
  });
  const written = Object.entries(call.arrays).filter(([, array]) => !isRead(array));
  for (const [name, array] of written) {
    const run = own.targets[name],
      source = own.sources[name];
    if (run) {
      source.need = once(source.values.length, (place) => {
        const value = run(place);
        if (value !== null) source.values[place] = value; // what another call writes stays
      });
    } else if (keptAsDrawn(call, name)) source.values = Float64Array.from(numbers(array.id).values);
    else return false;
  }
  for (const [name] of written) {
    const { region, size, cell } = cellsOf(number, name),
      source = own.sources[name];
    for (let place = 0; place < size; place++) {
      source.need?.(place);
      put(region, cell(place), source.values[place]);
    }
    source.need = null;
  }
  return true;
}

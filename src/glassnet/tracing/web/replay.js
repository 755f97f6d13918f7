// The step once more, with numbers that were changed: the recorded calls in their order, on memory of the page's own.
//
// What a call reads it reads from that memory, where views of one buffer share their places. An element whose line gives
// what it gives with the recorded numbers keeps its recorded value, so that rounding spreads nowhere; any other one gets
// its line's value, rounded to the array's dtype.

const MOST_TERMS = 2e7, // more would take longer than anybody waits
  SAFETY = 4; // kernels may calculate the same in another way than the line does

class Refused extends Error {}

let memoryCells = null, // by region: values, and which of them are known so far
  recordedLines = null, // by call and output: what the lines give with the recorded numbers
  rehearsed = null, // what the first replay found
  within = 0; // how many elements are being worked out, one for the other

// The places in its region of an array's elements.
function cellsOf(number, name) {
  const array = content.calls[number].arrays[name],
    [region, first, steps] = content.memory.arrays[number][name];
  const size = sizeOf(array);
  if (!steps) return { region, size, cell: (place) => first + place };
  const cell = (place) => unravel(place, array.shape).reduce((sum, index, axis) => sum + index * steps[axis], first);
  return { region, size, cell };
}

function cleared() {
  memoryCells = content.memory.regions.map(([, size]) => ({
    values: new Float64Array(size),
    known: new Uint8Array(size),
  }));
}

function isRead(array) {
  return array.role === "reads" || array.role === "before";
}

function rounded(value, dtype) {
  return dtype === "float32" ? Math.fround(value) : value;
}

// With the recorded numbers: every call must read what was written before it, and every line must give what its kernel
// wrote, as nearly as rounding allows. Returns how many numbers are the same bit for bit, of how many, and the largest
// deviation in shares of what rounding may make. Throws Refused otherwise.
function rehearse() {
  if (rehearsed) return rehearsed;
  if (content.arrays.some((entry) => entry.runs)) throw new Refused(words.not_all_here);
  if (!content.memory.is_known) throw new Refused(words.memory_unknown);
  if (termsOfStep() > MOST_TERMS) throw new Refused(words.too_long);
  cleared();
  const found = { exact: 0, count: 0, worst: 0 };
  recordedLines = content.calls.map((call, number) => {
    const own = sourcesOf(call, (array) => Float64Array.from(numbers(array.id).values));
    for (const [name, array] of Object.entries(call.arrays)) if (isRead(array)) remember(number, name, call);
    const lines = {};
    for (const [target, run] of Object.entries(own.targets)) lines[target] = compare(call, target, run, found);
    for (const [name, array] of Object.entries(call.arrays))
      if (!isRead(array)) writeCells(number, name, numbers(array.id).values);
    return lines;
  });
  return (rehearsed = found);
}

function sizeOf(array) {
  return array.shape.reduce((product, size) => product * size, 1);
}

// About how many terms all elements have together; what a short form adds up is shared by those that use it.
function termsOfStep() {
  const count = (tree) => {
    if (!Array.isArray(tree)) return 1;
    const most = tree.reduce((largest, part) => Math.max(largest, count(part)), 1);
    return REDUCTIONS.includes(tree[0]) ? tree[1].reduce((product, [, size]) => product * size, most) : most;
  };
  return content.calls
    .flatMap((call) =>
      Object.entries(call.formulas).map(([target, { tree }]) => sizeOf(call.arrays[target]) * count(tree)),
    )
    .reduce((sum, terms) => sum + terms, 0);
}

function sourcesOf(call, valuesOf) {
  const own = compiled(call);
  own.pass++;
  for (const [name, array] of Object.entries(call.arrays))
    Object.assign(own.sources[name], { values: valuesOf(array, name), slacks: null, need: null });
  return own;
}

function remember(number, name, call) {
  const { region, size, cell } = cellsOf(number, name),
    { values, known } = memoryCells[region],
    recorded = numbers(call.arrays[name].id).values;
  for (let place = 0; place < size; place++) {
    const at = cell(place);
    if (known[at] && !Object.is(values[at], recorded[place]))
      throw new Refused(fill(words.written_elsewhere, call.step));
    known[at] = 1;
    values[at] = recorded[place];
  }
}

function writeCells(number, name, from) {
  const { region, size, cell } = cellsOf(number, name),
    { values, known } = memoryCells[region];
  for (let place = 0; place < size; place++) {
    const at = cell(place);
    known[at] = 1;
    values[at] = from[place];
  }
}

function compare(call, target, run, found) {
  const array = call.arrays[target],
    recorded = numbers(array.id).values;
  const lines = new Float64Array(recorded.length),
    others = []; // what other calls write
  const float32 = Object.values(call.arrays).some((own) => own.dtype === "float32");
  const unit = float32 ? 2 ** -24 : 2 ** -53,
    least = float32 ? 2 ** -126 : 2 ** -1022;
  for (let place = 0; place < lines.length; place++) {
    const value = run(place);
    if (value === null) {
      others.push(place);
      continue;
    }
    lines[place] = rounded(value, array.dtype);
    found.count++;
    if (lines[place] === recorded[place] || Object.is(lines[place], recorded[place])) {
      found.exact++;
      continue;
    }
    const apart = Math.abs(value - recorded[place]),
      bound = unit * (slack + Math.abs(value)) + least,
      isWithin = apart <= SAFETY * bound; // NaN is not
    if (!isWithin) throw new Refused(fill(words.line_differs, call.step, labelOf(call, target)));
    found.worst = Math.max(found.worst, apart / bound);
  }
  return { lines, others };
}

// The step with some cells of its inputs changed: `changed` holds their values by region and place. Every array whose
// numbers differ gets them as `now`. Returns how many differ, of how many. Throws Refused and changes nothing.
function replay(changed) {
  rehearse();
  cleared();
  within = 0;
  const found = { differ: 0, count: 0 },
    after = new Map();
  content.calls.forEach((call, number) => replayCall(call, number, changed, after));
  for (const call of content.calls) {
    for (const array of Object.values(call.arrays)) {
      array.now = after.get(array) ?? null;
      array.spread = 0;
      const recorded = numbers(array.id).values;
      for (let place = 0; array.now && place < recorded.length; place++) {
        if (Object.is(array.now[place], recorded[place])) continue;
        if (!isRead(array)) found.differ++;
        const apart = Math.abs(array.now[place] - recorded[place]);
        if (Number.isFinite(apart)) array.spread = Math.max(array.spread, apart);
      }
      if (!isRead(array)) found.count += recorded.length;
    }
  }
  return found;
}

function replayCall(call, number, changed, after) {
  const now = {};
  let differs = false;
  for (const [name, array] of Object.entries(call.arrays)) {
    if (!isRead(array)) continue;
    const { values, isChanged } = readCells(number, name, array, changed);
    now[name] = values;
    differs ||= isChanged;
    if (isChanged) after.set(array, values);
  }
  const recordedOf = (array) => numbers(array.id).values;
  if (!differs) return passOn(call, number, after);
  const own = sourcesOf(call, (array, name) => now[name] ?? Float64Array.from(recordedOf(array)));
  const needs = Object.keys(call.arrays)
    .filter((name) => !isRead(call.arrays[name]) && !keptAsDrawn(call, name))
    .map((name) => [name, neededOf(call, number, own, name)]);
  for (const [, need] of needs) for (let place = 0; place < need.size; place++) need(place);
  for (const [name, array] of Object.entries(call.arrays)) {
    if (isRead(array)) continue;
    const { values } = own.sources[name];
    own.sources[name].need = null;
    writeCells(number, name, values);
    if (values.some((value, place) => !Object.is(value, recordedOf(array)[place]))) after.set(array, values);
  }
}

// What a call writes again as it was recorded; what it leaves to other calls is theirs.
function passOn(call, number, after) {
  for (const [name, array] of Object.entries(call.arrays)) {
    if (isRead(array)) continue;
    let { values } = numbers(array.id);
    const others = recordedLines[number][name]?.others ?? [];
    if (others.length) {
      const { region, cell } = cellsOf(number, name),
        memory = memoryCells[region];
      const own = values;
      values = Float64Array.from(own);
      for (const place of others) if (memory.known[cell(place)]) values[place] = memory.values[cell(place)];
      if (others.some((place) => !Object.is(values[place], own[place]))) after.set(array, values);
    }
    writeCells(number, name, values);
  }
}

// What was drawn at random, such as a mask, stays as it was drawn.
function keptAsDrawn(call, name) {
  return !call.formulas[name] && call.unexplained === "random" && call.arrays[name].dtype === "bool";
}

function readCells(number, name, array, changed) {
  const { region, size, cell } = cellsOf(number, name),
    memory = memoryCells[region],
    recorded = numbers(array.id).values,
    given = changed.get(region);
  const values = new Float64Array(size);
  let isChanged = false;
  for (let place = 0; place < size; place++) {
    const at = cell(place);
    if (!memory.known[at]) {
      memory.known[at] = 1;
      memory.values[at] = given?.get(at) ?? recorded[place];
    }
    values[place] = memory.values[at];
    isChanged ||= !Object.is(values[place], recorded[place]);
  }
  return { values, isChanged };
}

// Works out elements of an output when they are asked for: by the page, or by another element's line.
function neededOf(call, number, own, name) {
  const run = own.targets[name];
  if (!run) throw new Refused(fill(words[`refused_${call.unexplained}`], call.step));
  const array = call.arrays[name],
    source = own.sources[name],
    { lines } = recordedLines[number][name];
  const { region, size, cell } = cellsOf(number, name),
    memory = memoryCells[region];
  const need = once(size, (place) => {
    const value = run(place),
      found = value === null ? null : rounded(value, array.dtype);
    if (found === null)
      source.values[place] = memory.known[cell(place)] ? memory.values[cell(place)] : source.values[place];
    else if (!Object.is(found, lines[place])) source.values[place] = found;
  });
  source.need = need;
  need.size = size;
  return need;
}

// Does something for each place once, in the midst of another element's line if need be.
function once(size, run) {
  const done = new Uint8Array(size);
  return (place) => {
    if (done[place]) return;
    done[place] = 1;
    const saved = slots;
    if (within++) slots = [...saved]; // another element's line goes on with its own afterwards
    run(place);
    within--;
    slots = saved;
  };
}

// Every number of the next step, which is not taken, as glassnet/tracing/page.py gives it to the page: calls with their
// formulas, from RECIPES, and their arrays, as they are when the calls run here.

import { FACTS } from "./recipes.js";

const LIMITS = [4096, 16384]; // elements that are shown of an array, and of an array of images
const MOST_IMAGES = 64;
const BYTES = { float32: 4, float64: 8, int64: 4, bool: 1, uint8: 1 }; // as they lie here
const KINDS = { Float32Array: "f4", Float64Array: "f8", Int32Array: "i4", Uint8Array: "i4" };

// Content and stages, see glassnet.tracing.page.steps_of.
function stepsOf(session, language) {
  const log = new Log(session, language);
  const { net } = session;
  const before = session.kept(),
    gradients = net.gradients.slice();
  const batch = session.nextBatch();
  const plan = net.planFor(batch.rows, true);
  plan.x.set(batch.x);
  plan.targets.set(batch.targets);
  log.run("forward", plan.forward);
  log.run("loss", plan.loss);
  const loss = plan.value[0];
  log.run("backward", plan.slope);
  log.run("backward", plan.backward);
  for (const part of net.layout.filter((own) => own.trainable)) log.run("update", net.updateOf(part), part);
  session.restore(before);
  net.gradients.set(gradients);
  return { ...log.found(plan), loss: Number(loss.toPrecision(6)) };
}

class Log {
  constructor(session, language) {
    Object.assign(this, { session, net: session.net, language });
    this.calls = [];
    this.arrays = [];
    this.stages = [];
    this.phases = []; // of the calls
    this.writers = new Map(); // by an array's memory the calls that wrote it, the last one first
    this.shown = new Map(); // where an array was shown first, by its memory and who wrote it
    this.parameters = {};
    this.gradients = [];
    this.memories = new Map();
  }

  // Runs calls, and writes down what they read and wrote; `part` is the parameter of an update.
  run(phase, calls, part = null) {
    for (const call of calls) {
      const number = this.calls.length;
      const { story } = call;
      const there = Object.entries(story.arrays).filter(([name]) => call.arrays[plainOf(name)]);
      const arrays = {};
      const take = (roles) => {
        for (const [name, own] of there.filter(([, { role }]) => roles.includes(role)))
          arrays[name] = this.array(number, name, own, call, part);
      };
      take(["reads", "before"]);
      this.net.run([call]);
      take(["writes", "after"]);
      this.noteWritten(number, phase, there, call);
      this.calls.push(this.call(number, call, arrays));
      this.phases.push(phase);
      this.addToStage(number, phase, part?.path ?? call.path, story);
    }
  }

  array(number, name, { shape: sizes, dtype, role, symbol, letters }, call, part) {
    const values = call.arrays[plainOf(name)],
      shape = part || !call.shape || sizes.length !== 2 ? shapeOf(sizes, call.sizes, part, values) : imagesOf(call);
    const id = this.arrays.push(entryOf(values)) - 1;
    const cut = partOf(shape);
    const found = { id, shape, part: cut, at: shape.map(() => 0), role, symbol };
    Object.assign(found, { scale: largestOf(values), dtype });
    if (letters && letters.length === shape.length) found.letters = letters;
    if (!["reads", "before"].includes(role)) return found;
    const memory = this.memoryOf(values);
    found.from = this.writers.get(memory) ?? [];
    const version = `${memory} ${found.from[0]?.[0] ?? -1}`;
    const first = found.from[0] ?? this.shown.get(version) ?? [number, name];
    this.shown.set(version, first);
    if (first[0] !== number || first[1] !== name) found.shown = first;
    this.noteParameter(number, name, values, role);
    return found;
  }

  // A text for where an array lies, the same for arrays of the same memory.
  memoryOf({ buffer, byteOffset, length }) {
    if (!this.memories.has(buffer)) this.memories.set(buffer, this.memories.size);
    return `${this.memories.get(buffer)}:${byteOffset}:${length}`;
  }

  noteParameter(number, name, { buffer, byteOffset }, role) {
    if (role === "reads" || role === "before")
      for (const whole of [this.net.parameters, this.net.gradients]) {
        if (buffer !== whole.buffer) continue;
        const place = byteOffset / 4;
        const own = this.net.layout.find(({ start, stop }) => start <= place && place < stop);
        if (own) this.parameters[`${number}:${name}`] = own.path;
      }
  }

  noteWritten(number, phase, there, call) {
    for (const [name, { role }] of there) {
      if (role !== "writes" && role !== "after") continue;
      this.writers.set(this.memoryOf(call.arrays[plainOf(name)]), [[number, name]]);
      if (phase === "backward") this.gradients.push(`${number}:${name}`);
    }
  }

  call(number, { story, settings, sizes, path, arrays: given }, arrays) {
    const fitted = (tree) => fit(tree, sizes);
    const isThere = (target) => given[plainOf(target)];
    const { kernel, equation, unexplained, symbols } = story;
    return {
      ...{ step: number + 1, kernel, unexplained, caller: this.titleOf(path), path, equation, arrays, symbols },
      settings: Object.fromEntries(story.settings.map((name) => [name, settings[name]])),
      formulas: mapped(story.formulas, ({ indices, tree }) => ({ indices, tree: fitted(tree) }), isThere),
      why: mapped(
        story.why,
        (steps) => steps.map(([texts, sides]) => [texts[this.language], sides.map(fitted)]),
        isThere,
      ),
      shorts: mapped(story.shorts, ({ arguments: names, tree }) => ({ arguments: names, tree: fitted(tree) })),
      differences: {},
    };
  }

  titleOf(path) {
    const { net } = this;
    const layer = net.layers.find((own) => own.path === path);
    if (layer) return layer.recipe.title.replace("{units}", layer.units).replace("{rate}", layer.settings.rate);
    return path === "loss" ? net.loss.title : net.setting.optimizer;
  }

  addToStage(number, phase, path, { kernel, equation, hint }) {
    const last = this.stages.at(-1);
    if (last?.phase !== phase || last.path !== path)
      this.stages.push({ phase, path, title: this.titleOf(path), calls: [], html: "" });
    const stage = this.stages.at(-1);
    stage.calls.push(number);
    const note = hint[this.language] ? `<p class="hint">${escaped(hint[this.language])}</p>` : "";
    stage.html +=
      `<article id="step-${number + 1}" data-call="${number}"><div class="call-head">` +
      `<span class="count">${number + 1}</span><code>${kernel}</code>` +
      `<span class="plain">${escaped(equation)}</span></div>${note}` +
      '<div class="math"></div><div class="reads"></div><div class="arrays"></div></article>';
  }

  found(plan) {
    const data = {};
    this.calls.forEach(({ arrays }, number) => {
      for (const [name, { id, from }] of Object.entries(arrays)) {
        if (!from || from.length) continue;
        const { memory } = this.arrays[id];
        if (memory === plan.x.buffer) data[`${number}:${name}`] = "inputs";
        if (memory === plan.targets.buffer) data[`${number}:${name}`] = "targets";
      }
    });
    const arrays = this.arrays.map(({ kind, size, values }) => ({ kind, size, values }));
    const { calls, stages, parameters, gradients, language } = this;
    const beginnings = { inputs: [], targets: [] };
    const memory = this.memory(plan);
    const content = { calls, arrays, words: FACTS.words[language], data, beginnings, parameters, gradients, memory };
    const { relative, rounding, step } = FACTS.checks;
    const checks = { relative, step, absolute: (rounding * Math.abs(plan.value[0])) / step };
    return { content: { ...content, names: {}, checks }, stages };
  }

  // Where the arrays lie, for the page to repeat the step with other numbers: see glassnet/tracing/memory.py.
  memory(plan) {
    const wholes = [];
    const placed = ({ memory: buffer, first }, { dtype }) => {
      if (!wholes.some((own) => own.buffer === buffer))
        wholes.push({ buffer, dtype, size: buffer.byteLength / BYTES[dtype] });
      return [wholes.findIndex((own) => own.buffer === buffer), first];
    };
    const arrays = this.calls.map((call) => mapped(call.arrays, (array) => placed(this.arrays[array.id], array)));
    const part = (values, dtype, more) => {
      const [region, first] = placed({ memory: values.buffer, first: 0 }, { dtype });
      return { region, first, size: values.length, ...more };
    };
    const slopes = plan.slopes // of what is read and of its gradient, the regions
      .map((pair) => pair.map(({ buffer }) => wholes.findIndex((own) => own.buffer === buffer)))
      .filter((pair) => !pair.includes(-1));
    const { loss, inputs } = this.session.examples,
      limits = FACTS.targets[loss];
    const targets = { ...limits, ...(limits.whole ? { high: this.net.width - 1 } : {}) };
    return {
      arrays,
      is_known: true,
      inputs: part(plan.x, "float32", { row: inputs }),
      targets: part(plan.targets, limits.whole ? "int64" : "float32", targets),
      loss: [...this.calls.keys()].filter((number) => this.phases[number] === "loss"),
      regions: wholes.map(({ dtype, size }) => [dtype, size]),
      slopes,
    };
  }
}

function plainOf(name) {
  return name.replace(/_$/, "");
}

// The shape of maps, for an activation that sees them in one row.
function imagesOf({ sizes, shape }) {
  return [sizes.N, ...shape];
}

// The sizes of an array: those that are free have names; of an update the shape of its parameter.
function shapeOf(sizes, known, part, values) {
  const shape = sizes.map((size) => known[size] ?? size);
  if (part && shape.reduce((product, size) => product * size, 1) !== values.length) return part.shape;
  return part && shape.length === 1 && shape[0] === values.length ? part.shape : shape;
}

// A tree with its sizes, simplified as glassnet/tracing/formulas.py does it.
function fit(tree, sizes) {
  if (!Array.isArray(tree)) return tree;
  if (["sum", "mean", "largest", "argmax"].includes(tree[0]) && Array.isArray(tree[1]))
    return [tree[0], tree[1].map(([name, size]) => [name, sizes[size] ?? size]), fit(tree[2], sizes)];
  if (tree[0] === "number") return ["number", sizes[tree[1]] ?? tree[1]];
  const [sign, ...parts] = tree.map((part) => fit(part, sizes));
  const numbers = parts.map((part) => (Array.isArray(part) && part[0] === "number" ? part[1] : null));
  if (sign === "*" && numbers.includes(1)) return parts[numbers.indexOf(1) ? 0 : 1];
  if (sign === "/" && numbers[0] === 1 && numbers[1] !== null) return ["number", 1 / numbers[1]];
  return [sign, ...parts];
}

function mapped(object, change, keeps = () => true) {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([name]) => keeps(name))
      .map(([name, value]) => [name, change(value)]),
  );
}

// How much of an array is shown: so many along each axis.
function partOf(shape) {
  const part = [...shape],
    free = shape.length > 2 ? shape.length - 2 : shape.length;
  const product = (axes) => axes.reduce((total, size) => total * size, 1);
  const most = LIMITS[shape.length > 2 ? 1 : 0];
  while (product(part) > most || (shape.length > 2 && product(part.slice(0, free)) > MOST_IMAGES)) {
    const axes = part.map((_, axis) => axis).filter((axis) => axis < free && part[axis] > 1);
    const longest = (axes.length ? axes : [...part.keys()]).reduce((best, axis) =>
      part[axis] > part[best] ? axis : best,
    );
    part[longest] = Math.ceil(part[longest] / 2);
  }
  return part;
}

function largestOf(values) {
  return values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
}

// An array's numbers as they go into JSON: their bytes in base64.
function entryOf(values) {
  const kept = values instanceof Uint8Array ? Int32Array.from(values) : values.slice();
  const bytes = new Uint8Array(kept.buffer);
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192)
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  const kind = KINDS[values.constructor.name];
  const first = values.byteOffset / values.BYTES_PER_ELEMENT;
  return { kind, size: values.length, values: btoa(text), memory: values.buffer, first };
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[letter]);
}

export { stepsOf };

// A network with its loss and its update rule. What its parts call on what is in RECIPES, recorded from glassnet's own
// parts; what a call computes is in KERNELS, written from the kernels' element lines.

import { KERNELS } from "./kernels.js";
import { Generator, philox, streamOf } from "./random.js";
import { RECIPES } from "./recipes.js";

const ARRAYS = { Float32Array, Float64Array, Int32Array, Uint8Array };
const SIDE = 8, // of a picture, and of each map of a convolution
  PIXELS = SIDE ** 2;
const MOMENTUM = { _momentum: 1, _next_momentum: 2 };

// The layers of a setting, as glassnet/playground/models.py makes them.
function layersOf(setting, filters, outputs) {
  const layers = [];
  const add = (kind, more = {}) => layers.push({ kind, path: String(layers.length), settings: {}, ...more });
  const init = setting.activation.includes("relu") ? "he_normal" : "glorot_normal";
  if (filters) {
    add("view");
    add(`conv2d_${setting.kernel_size}`, { units: filters, places: PIXELS, init });
    if (setting.batch_norm) add("batch_norm_maps", { units: filters, places: PIXELS });
    if (setting.activation !== "linear") add(setting.activation, { shape: [filters, SIDE, SIDE] });
    if (setting.pooling) add("max_pool", { units: filters, places: PIXELS / 4 });
    add("view");
  }
  for (const units of setting.hidden) {
    add("dense", { units, init });
    if (setting.batch_norm) add("batch_norm");
    if (setting.activation !== "linear") add(setting.activation);
    if (setting.dropout) add("dropout", { settings: { rate: setting.dropout } });
  }
  add("dense", { units: outputs, init: "glorot_normal" });
  return layers;
}

// How many numbers come into an output of a weight, and how many outputs a number goes to: see core/shapes.py.
function fansOf(shape) {
  const taps = shape.slice(2).reduce((product, axis) => product * axis, 1);
  return shape.length > 2 ? [shape[1] * taps, shape[0] * taps] : shape;
}

// Whether a call is about the weights alone, without the biases.
function isOfWeights(call) {
  return Object.values(call.arrays).some((name) => name.endsWith(" weight"));
}

class Net {
  // The loss and the optimizer are names among RECIPES; `outputs` is how many numbers a row ends in.
  constructor(setting, { loss, inputs, outputs, isImage }) {
    this.setting = setting;
    this.filters = isImage ? setting.filters : 0;
    this.seed = setting.seed;
    this.loss = RECIPES.losses[loss];
    this.rule = RECIPES.rules[setting.optimizer];
    this.layers = layersOf(setting, this.filters, outputs);
    this.layout = [];
    let width = inputs,
      size = 0;
    for (const layer of this.layers) {
      layer.recipe = RECIPES.layers[layer.kind];
      layer.sizes = { D: width, M: layer.units ?? width };
      for (const { name, shape, start, is_weight, trainable } of layer.recipe.parameters) {
        const own = shape.map((axis) => layer.sizes[axis] ?? axis);
        const part = { path: `${layer.path}.${name}`, start: size, shape: own, layer, name, is_weight, trainable };
        part.stop = size += own.reduce((product, axis) => product * axis, 1);
        part.first = start;
        this.layout.push(part);
      }
      width = layer.width = layer.sizes.M * (layer.places ?? 1);
    }
    this.width = width;
    this.parameters = new Float32Array(size);
    this.gradients = new Float32Array(size);
    this.state = Object.fromEntries(this.rule.state.map((name) => [name, new Float32Array(size)]));
    this.updates = 0;
    this.plans = new Map();
    this.draw();
  }

  // The first weights, as Network.build draws them.
  draw() {
    const rng = new Generator(this.seed);
    for (const { start, stop, first, shape, layer } of this.layout) {
      if (first !== "drawn") {
        this.parameters.fill(first, start, stop);
        continue;
      }
      const [fanIn, fanOut] = fansOf(shape);
      const deviation = Math.sqrt(layer.init === "he_normal" ? 2 / fanIn : 1 / ((fanIn + fanOut) / 2));
      this.parameters.set(
        rng.normal(stop - start).map((value) => deviation * value),
        start,
      );
    }
  }

  // The arrays of a layer's parameters and gradients, by the names of the recipes.
  partsOf(layer) {
    const named = {};
    for (const part of this.layout.filter((own) => own.layer === layer)) {
      named[`value ${part.name}`] = this.parameters.subarray(part.start, part.stop);
      named[`gradient ${part.name}`] = this.gradients.subarray(part.start, part.stop);
    }
    return named;
  }

  // Buffers and calls for so many rows; made once.
  planFor(rows, isTraining) {
    const key = isTraining ? rows : -rows;
    if (!this.plans.has(key)) this.plans.set(key, this.makePlan(rows, isTraining));
    return this.plans.get(key);
  }

  makePlan(rows, isTraining) {
    const plan = { rows, forward: [], backward: [], hidden: [], loss: [], slope: [], slopes: [] };
    let values = new Float32Array(rows * this.layers[0].sizes.D);
    plan.x = values;
    const back = [];
    let isShown = true; // what a layer gives that has been shown already
    for (const layer of this.layers) {
      if (["dense", "max_pool"].includes(layer.kind)) {
        if (layer !== this.layers[0] && isShown) plan.hidden.push(values);
        isShown = layer.kind !== "max_pool";
      }
      const sizes = { N: rows, R: rows * PIXELS, ...layer.sizes };
      const calls = layer.recipe[isTraining ? "forward" : "predict"];
      const y = calls.length ? new Float32Array(rows * layer.width) : values;
      const named = { ...this.partsOf(layer), ...this.buffersOf(layer.recipe, sizes), x: values, y };
      plan.forward.push(...calls.map((call) => this.bound(call, named, sizes, layer)));
      if (isTraining && layer.recipe.backward.length) back.unshift([layer, named, sizes]); // a view has nothing to do
      values = y;
    }
    plan.outputs = values;
    this.addLoss(plan);
    let slope = plan.doutputs;
    for (const [layer, named, sizes] of back) {
      const dx = layer === back.at(-1)[0] ? null : new Float32Array(rows * sizes.D);
      const own = { ...named, dy: slope, dx };
      plan.backward.push(...layer.recipe.backward.map((call) => this.bound(call, own, sizes, layer)));
      if (dx) plan.slopes.push([dx, named.x]);
      slope = dx;
    }
    return plan;
  }

  addLoss(plan) {
    const sizes = { N: plan.rows, M: this.width };
    const labels = new ARRAYS[this.loss.labels](plan.rows);
    const value = new Float64Array(1),
      doutputs = new Float32Array(plan.outputs.length);
    const named = { ...this.buffersOf(this.loss, sizes), outputs: plan.outputs, targets: labels, value, doutputs };
    const path = { path: "loss", settings: {} };
    plan.loss = this.loss.forward.map((call) => this.bound(call, named, sizes, path));
    plan.slope = this.loss.backward.map((call) => this.bound(call, named, sizes, path));
    Object.assign(plan, { targets: labels, value, doutputs });
    plan.slopes.push([doutputs, plan.outputs], [this.gradients, this.parameters]);
  }

  buffersOf({ buffers }, sizes) {
    const made = {};
    for (const [name, { shape, kind }] of Object.entries(buffers))
      made[name] = new ARRAYS[kind](shape.reduce((product, axis) => product * (sizes[axis] ?? axis), 1));
    return made;
  }

  // A call with its arrays and numbers; those that change from step to step are filled in when it runs.
  bound(call, named, sizes, { path, settings, shape }) {
    const arrays = Object.fromEntries(Object.entries(call.arrays).map(([name, own]) => [name, named[own]]));
    const own = Object.fromEntries(
      Object.entries(call.settings).map(([name, value]) => [name, settings[name] ?? sizes[value] ?? value]),
    );
    return {
      run: KERNELS[call.kernel],
      arrays,
      sizes,
      settings: own,
      byStep: Object.entries(call.by_step),
      draws: call.draws,
      shape,
      story: RECIPES.stories[call.story],
      path,
    };
  }

  run(calls) {
    for (const call of calls) {
      for (const [name, of] of call.byStep) call.settings[name] = this.numberOfStep(of);
      if (call.draws) this.drawMask(call);
      call.run(call.arrays, call.sizes, call.settings);
    }
  }

  numberOfStep(of) {
    if (of === "seed") return this.seed;
    if (of === "same") return this.updates;
    if (of === "next_number") return this.updates + 1;
    if (of === "rate_at") return this.setting.learning_rate;
    const { beta1 } = this.ruleSettings();
    const momentum = (t) => beta1 * (1 - 0.5 * 0.96 ** (0.004 * t));
    if (of in MOMENTUM) return momentum(this.updates + MOMENTUM[of]);
    // Π μ_i, of which the one before is remembered
    if (this.product?.[0] !== this.updates) {
      let [from, value] = this.product?.[0] < this.updates ? this.product : [-1, 1];
      while (from < this.updates) value *= momentum(++from + 1);
      this.product = [this.updates, value];
    }
    return this.product[1];
  }

  ruleSettings() {
    return this.rule.calls.at(-1).settings;
  }

  drawMask({ arrays: { mask }, settings: { rate, seed, step }, path }) {
    const words = philox(new Uint32Array(mask.length), seed, step, streamOf(path));
    const least = Math.floor(rate * 2 ** 32);
    for (let place = 0; place < mask.length; place++) mask[place] = words[place] >= least ? 1 : 0;
  }

  // The outputs for rows (N, D), in prediction mode; and what the hidden layers' units put out.
  predict(x, rows) {
    const plan = this.planFor(rows, false);
    plan.x.set(x);
    this.run(plan.forward);
    return plan;
  }

  // The loss of rows in prediction mode.
  lossOf(x, targets, rows) {
    const plan = this.predict(x, rows);
    plan.targets.set(targets);
    this.run(plan.loss);
    return plan;
  }

  // Forward, loss and backward for a batch: gradients without the penalties. The loss.
  back(batch) {
    const plan = this.planFor(batch.rows, true);
    plan.x.set(batch.x);
    plan.targets.set(batch.targets);
    this.run(plan.forward);
    this.run(plan.loss);
    this.run(plan.slope);
    this.run(plan.backward);
    return plan.value[0];
  }

  // Penalties and the rule.
  update() {
    this.updateCalls ??= this.makeUpdate();
    this.run(this.updateCalls);
    this.updates++;
  }

  // After a change of the rate or a penalty.
  retune(setting) {
    this.setting = setting;
    this.updateCalls = null;
  }

  makeUpdate() {
    const whole = { parameters: this.parameters, gradients: this.gradients };
    for (const [name, array] of Object.entries(this.state)) whole[`state ${name}`] = array;
    const sizes = { P: this.parameters.length };
    return this.updateCallsOf().flatMap(([call, settings]) => {
      const part = { path: "optimizer", settings };
      if (!isOfWeights(call)) return [this.bound(call, whole, sizes, part)];
      const weights = this.layout.filter((own) => own.is_weight);
      return weights.map(({ layer }) => this.bound(call, this.partsOf(layer), sizes, part));
    });
  }

  // The same for one parameter, of which there is a call of each.
  updateOf({ start, stop, is_weight: isWeight }) {
    const slice = (array) => array.subarray(start, stop);
    const named = { parameters: slice(this.parameters), gradients: slice(this.gradients) };
    for (const [name, array] of Object.entries(this.state)) named[`state ${name}`] = slice(array);
    Object.assign(named, { "value weight": named.parameters, "gradient weight": named.gradients });
    const calls = this.updateCallsOf().filter(([call]) => isWeight || !isOfWeights(call));
    return calls.map(([call, settings]) =>
      this.bound(call, named, { P: stop - start }, { path: "optimizer", settings }),
    );
  }

  // The calls of penalties and the rule, each with settings of its own.
  updateCallsOf() {
    const penalties = ["l1", "l2"].filter((name) => this.setting[name]);
    const calls = penalties.flatMap((name) =>
      RECIPES.penalties[name].map((call) => [call, { strength: this.setting[name] }]),
    );
    calls.push(...this.rule.calls.map((call) => [call, {}]));
    return calls;
  }
}

export { Net };

// One network in training: batches, epochs, changes, measures. See glassnet/playground/session.py.

import { Refused, settingOf } from "./checks.js";
import { examplesOf } from "./data.js";
import { Net } from "./net.js";
import { generatorFor } from "./random.js";
import { FACTS } from "./recipes.js";

const LIVE = ["learning_rate", "l1", "l2"];

class Diverged extends Error {}

class Session {
  constructor(setting) {
    this.setting = this.now = setting;
    this.examples = examplesOf(setting, FACTS.losses);
    const { loss, losses = FACTS.losses[this.examples.task] } = this.examples;
    if (!losses.includes(loss))
      throw new Refused(
        "setting",
        `loss=${loss} for ${setting.dataset}`,
        `one of ${losses.join(", ")}`,
        `choose ${losses[0]}`,
      );
    this.net = new Net(setting, this.examples);
    this.epochs = this.batch = 0;
    this.changes = [];
    this.ends = endsOf(this.examples.train.count, setting);
    this.orders = [0, null];
  }

  get batches() {
    return this.ends.length;
  }

  // The training rows that the next step takes.
  nextBatch() {
    const epoch = this.epochs + 1,
      { train, inputs } = this.examples;
    if (this.orders[0] !== epoch)
      this.orders = [epoch, generatorFor(this.setting.seed, "shuffle", epoch).permutation(train.count)];
    const taken = this.orders[1].subarray(this.ends[this.batch - 1] ?? 0, this.ends[this.batch]);
    const x = new Float32Array(taken.length * inputs);
    taken.forEach((row, place) => x.set(train.x.subarray(row * inputs, (row + 1) * inputs), place * inputs));
    return { rows: taken.length, order: taken, x, targets: Float32Array.from(taken, (row) => train.targets[row]) };
  }

  step() {
    if (!Number.isFinite(this.net.back(this.nextBatch()))) throw new Diverged();
    this.net.update();
    if (++this.batch < this.batches) return;
    this.batch = 0;
    this.epochs++;
  }

  // Whole epochs, at least one, for about so long; one that was begun in steps is the first. Where the loss is not finite,
  // all is as it was after the last good epoch.
  train(mostEpochs, milliseconds = Infinity) {
    const until = performance.now() + milliseconds,
      goal = this.epochs + mostEpochs;
    do {
      const before = this.kept();
      try {
        do this.step();
        while (this.batch);
      } catch (error) {
        this.restore(before);
        throw error;
      }
    } while (this.epochs < goal && performance.now() < until);
  }

  kept() {
    const { net } = this;
    const state = Object.fromEntries(Object.entries(net.state).map(([name, array]) => [name, array.slice()]));
    const { epochs, batch, now, changes } = this;
    return { epochs, batch, now, changes, parameters: net.parameters.slice(), state, updates: net.updates };
  }

  restore({ epochs, batch, now, changes, parameters, state, updates }) {
    const { net } = this;
    net.parameters.set(parameters);
    for (const [name, array] of Object.entries(state)) net.state[name].set(array);
    net.updates = updates;
    net.retune(now);
    Object.assign(this, { epochs, batch, now, changes });
  }

  // Changes the rate, a penalty or one weight from here on.
  change(name, value, place) {
    if (name === "weight") {
      const part = this.net.layout.find((own) => own.start <= place && place < own.stop);
      if (!part?.trainable || !(Math.abs(value) <= 1e6))
        throw new Refused(
          "change",
          `place=${place}, value=${value}`,
          "a parameter and a number",
          "choose one on the page",
        );
      this.net.parameters[place] = value;
    } else {
      if (!LIVE.includes(name)) throw new Refused("change", `name=${name}`, LIVE.join(", "), "choose one of them");
      this.now = settingOf({ ...this.now, [name]: value });
      this.net.retune(this.now);
    }
    this.changes = [...this.changes, { epoch: this.epochs, batch: this.batch, name, value, place }];
  }

  // Loss and measure of the training rows and of those held out.
  scores() {
    const { train, test } = this.examples;
    const found = [train, test].map((side) => {
      const plan = this.net.lossOf(side.x, side.targets, side.count);
      return [plan.value[0], this.measure(plan.outputs, side)];
    });
    return { loss: found.map(([loss]) => loss), metric: found.map(([, metric]) => metric) };
  }

  measure(outputs, { y, count }) {
    const { task } = this.examples;
    if (task === "numbers") {
      const mean = y.reduce((sum, value) => sum + value, 0) / count;
      const total = y.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return 1 - y.reduce((sum, value, row) => sum + (value - outputs[row]) ** 2, 0) / total;
    }
    const right = y.reduce((sum, label, row) => sum + (this.classOf(outputs, row) === label ? 1 : 0), 0);
    return right / count;
  }

  classOf(outputs, row) {
    const { width, loss } = this.net;
    if (width === 1) return outputs[row] > loss.boundary ? 1 : 0;
    let best = 0;
    for (let k = 1; k < width; k++) if (outputs[row * width + k] > outputs[row * width + best]) best = k;
    return best;
  }

  // ∂L/∂θ of the next batch, without the penalties; running statistics, which move in training, stay.
  gradients() {
    const before = this.net.parameters.slice();
    this.net.back(this.nextBatch());
    this.net.parameters.set(before);
    return this.net.gradients.slice();
  }
}

// Where the batches of an epoch end; batch normalisation takes a last row that would be alone with the batch before it.
function endsOf(rows, { batch_size: size, batch_norm: joins }) {
  const ends = [];
  for (let end = size; end < rows; end += size) ends.push(end);
  if (joins && ends.length && rows - ends.at(-1) === 1) ends.pop();
  return [...ends, rows];
}

export { Diverged, LIVE, Session };

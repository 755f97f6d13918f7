// What answers the page, in a thread beside it: the same messages as glassnet/playground/worker.py has.

import { Stall, curesOf } from "./advice.js";
import { Refused, settingOf } from "./checks.js";
import { Past } from "./past.js";
import { Picture } from "./picture.js";
import { FACTS } from "./recipes.js";
import { Diverged, LIVE, Session } from "./session.js";
import { stepsOf } from "./trace.js";

const FRAME = 25, // milliseconds from one frame to the next
  FASTEST = 100_000;

class Server {
  constructor(send) {
    this.send = send;
    this.pace = 30;
    this.due = 0;
    this.playing = false;
    this.told = null;
    this.timer = 0;
  }

  receive({ kind, ...fields }) {
    const act = ACTIONS[kind];
    if (!act) return this.send({ kind: "error", code: "not_here" });
    this.guard(() => act.call(this, fields));
    if (this.playing && !this.timer) this.wait(performance.now());
  }

  // Does something; whatever goes wrong is told to the page.
  guard(action) {
    try {
      action();
    } catch (error) {
      this.playing = false;
      if (error instanceof Diverged) this.send({ kind: "error", code: "diverged" });
      else if (error instanceof Refused) this.send({ kind: "error", code: "refused", ...error.parts });
      else {
        this.send({ kind: "error", code: "unforeseen", detail: String(error) });
        console.error(error);
      }
      if (this.session) this.show();
    }
  }

  wait(last) {
    this.timer = setTimeout(
      () => {
        this.timer = 0;
        if (!this.playing) return;
        const now = performance.now();
        this.guard(() => this.train(Math.min(250, now - last)));
        if (this.playing) this.wait(now);
      },
      Math.max(0, last + FRAME - performance.now()),
    );
  }

  train(milliseconds) {
    const { session } = this;
    if (this.pace >= FASTEST) {
      session.train(FASTEST, 0.8 * FRAME);
    } else {
      this.due = Math.min(this.due + (this.pace * milliseconds) / 1000, this.pace);
      if (this.due < 1) return;
      const before = session.epochs;
      session.train(Math.floor(this.due), 2 * FRAME);
      this.due = Math.max(0, this.due - (session.epochs - before));
    }
    const scores = this.show();
    this.lookAfter(scores, milliseconds / 1000);
  }

  // Where nothing happens for a while, says what helps; once in a training.
  lookAfter(scores, seconds) {
    const { session, past } = this;
    if (this.isAdvised || !this.stall.saw(session.epochs, scores.loss[0], seconds)) return;
    this.isAdvised = true;
    const units = session.net.filters + session.setting.hidden.reduce((sum, own) => sum + own, 0);
    const cures = curesOf(session, scores, past.deaths().length / Math.max(1, units));
    const loss = Number.isFinite(scores.loss[0]) ? scores.loss[0] : null;
    if (cures.length) this.send({ kind: "advice", cures, loss, epochs: session.epochs });
  }

  begin(setting) {
    this.session = new Session(setting);
    this.past = new Past(this.session);
    this.picture = new Picture(this.session);
    this.setting = setting;
    this.due = 1;
    this.stall = new Stall();
    this.isAdvised = false;
    this.told = this.session.changes;
    this.send(this.structure());
    this.show();
  }

  structure() {
    const { session, picture } = this,
      { examples, net, setting } = session;
    const { train, test } = examples;
    const parts = [train, test];
    const labels = Float32Array.from(parts.flatMap(({ y }) => [...y]));
    const arrays = examples.isImage
      ? {
          images: Uint8Array.from(test.x.subarray(0, 64 * picture.shown), (value) => Math.round(255 * value)),
          labels: Uint8Array.from(test.y.subarray(0, picture.shown)),
        }
      : {
          points: Float32Array.from(parts.flatMap(({ points }) => [...points])),
          labels,
          held_out: Uint8Array.from(parts.flatMap(({ count }, side) => Array(count).fill(side))),
        };
    return {
      kind: "structure",
      setting: { ...setting, loss: examples.loss },
      task: examples.task,
      losses: FACTS.losses[examples.task],
      units: [examples.inputs, ...(net.filters ? [net.filters] : []), ...setting.hidden, examples.outputs],
      kernel_size: net.filters ? setting.kernel_size : 0,
      layout: net.layout.map(({ path, start, shape }) => ({ path, start, shape })),
      is_image: examples.isImage,
      extent: examples.extent,
      range: picture.range,
      features: examples.isImage ? [] : setting.inputs.map((name) => FACTS.inputs[name]),
      inputs: examples.isImage ? [] : setting.inputs,
      axis_names: ["x₁", "x₂"],
      classes: Array.from({ length: Math.max(2, examples.outputs) }, (_, label) => String(label)),
      columns: [],
      table: "",
      reading: [],
      height: 0,
      rows: [train.count, test.count],
      batches: session.batches,
      arrays,
    };
  }

  show() {
    const { session, past } = this;
    past.keep();
    if (session.changes !== this.told) {
      this.told = session.changes;
      this.send({ kind: "changes", changes: session.changes });
    }
    const { loss, metric } = session.scores();
    const finite = (value) => (Number.isFinite(value) ? value : null);
    this.send({
      kind: "frame",
      epoch: session.epochs,
      batch: session.batch,
      updates: session.net.updates,
      playing: this.playing,
      loss: loss.map(finite),
      metric: metric.map(finite),
      now: Object.fromEntries(LIVE.map((name) => [name, session.now[name]])),
      changes: session.changes.length,
      place: past.place,
      kept: past.states.map(({ epochs, batch }) => Number((epochs + batch / session.batches).toFixed(3))),
      deaths: past.deaths(),
      batch_rows: this.playing ? [] : [...session.nextBatch().order],
      arrays: {
        parameters: session.net.parameters.slice(),
        gradients: session.gradients(),
        ...this.picture.draw(this.playing),
      },
    });
    return { loss, metric };
  }
}

const ACTIONS = {
  configure({ setting }) {
    this.begin(settingOf(setting));
  },
  reset() {
    this.playing = false;
    this.begin(this.session?.now ?? settingOf({}));
  },
  play() {
    this.playing = true;
    this.due = 1;
    this.show();
  },
  pause() {
    this.playing = false;
    this.show();
  },
  step() {
    this.playing = false;
    this.session.step();
    this.show();
  },
  epoch() {
    this.playing = false;
    this.session.train(1);
    this.show();
  },
  pace({ epochs_per_second: pace }) {
    this.pace = pace;
  },
  change({ name, value, place }) {
    const { session } = this;
    if (LIVE.includes(name) && !session.net.updates && !session.changes.length)
      return this.begin(settingOf({ ...this.setting, [name]: value })); // nothing has been learned with another value
    session.change(name, value, place);
    this.show();
  },
  trace({ language }) {
    this.playing = false;
    this.show();
    this.send({ kind: "trace", ...stepsOf(this.session, language) });
  },
  look({ place }) {
    this.playing = false;
    this.past.goTo(place);
    this.show();
  },
};

// In a worker: what is said there is answered here.
function serve(scope) {
  const server = new Server((message) => scope.postMessage(message));
  scope.addEventListener("message", ({ data }) => server.receive(data));
  server.receive({ kind: "configure", setting: {} });
}

export { Server, serve };

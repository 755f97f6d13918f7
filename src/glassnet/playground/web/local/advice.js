// What keeps a training from getting on: what could be changed, each tried by a training of its own from new weights.
// See glassnet/playground/advice.py, which asks gn.diagnose for the causes; here all that a setting can mend are tried.

import { settingOf } from "./checks.js";
import { Diverged, Session } from "./session.js";
import { FACTS } from "./recipes.js";

const { better: BETTER, good: GOOD, most_epochs: MOST_EPOCHS, seconds: SECONDS, most_cures: MOST_CURES } = FACTS.advice;
const { wait_seconds: WAIT_SECONDS, wait_epochs: WAIT_EPOCHS, progress: PROGRESS, most_dead: MOST_DEAD } = FACTS.advice;

// Whether a training gets on.
class Stall {
  constructor() {
    this.best = Infinity;
    this.epochs = this.seconds = 0;
  }

  // Takes in what the loss is after so many epochs, and so many seconds since the last time.
  saw(epochs, loss, seconds) {
    if (loss < (1 - PROGRESS) * this.best) {
      Object.assign(this, { best: loss, epochs, seconds: 0 });
      return false;
    }
    this.seconds += seconds;
    return this.seconds > WAIT_SECONDS && epochs - this.epochs >= WAIT_EPOCHS;
  }
}

// What makes both losses clearly smaller in no more epochs, the best first; `dead` is the share of units that are dead.
function curesOf(session, scores, dead) {
  if (!session.epochs || scores.metric[0] >= GOOD) return [];
  const found = [];
  for (const [cause, field, value] of suspectsOf(session.now, dead)) {
    const trial = new Session(settingOf({ ...session.now, [field]: value }));
    try {
      trial.train(Math.min(session.epochs, MOST_EPOCHS), 1000 * SECONDS);
    } catch (error) {
      if (error instanceof Diverged) continue;
      throw error;
    }
    const { loss } = trial.scores();
    if (loss.every((own, side) => own < BETTER * scores.loss[side]))
      found.push({ cause, field, value, loss: loss[0], epochs: trial.epochs });
  }
  return found.sort((a, b) => a.loss - b.loss).slice(0, MOST_CURES);
}

// Causes that a setting may have, with the field and the value without each.
function suspectsOf(setting, dead) {
  const { learning_rate: rate, hidden, activation } = setting;
  const rounded = (value) => Number(value.toPrecision(3));
  const found = [10, 100].map((by) => ["rate_too_high", "learning_rate", rounded(rate / by)]);
  for (const by of [10, 100]) if (rate * by <= 1) found.push(["rate_too_low", "learning_rate", rounded(rate * by)]);
  if (!hidden.length) found.push(["no_hidden_layer", "hidden", [8]], ["no_hidden_layer", "hidden", [8, 8]]);
  else if (activation === "linear") found.push(["linear_activation", "activation", "tanh"]);
  if (hidden.some((units) => units < 3))
    found.push(["bottleneck", "hidden", hidden.map((units) => Math.max(8, units))]);
  if (activation === "sigmoid" && hidden.length > 1)
    found.push(["vanishing", "activation", "relu"], ["vanishing", "activation", "tanh"]);
  if (dead >= MOST_DEAD) found.push(["dead_units", "activation", "leaky_relu"]);
  for (const name of ["l1", "l2", "dropout"]) if (setting[name]) found.push([`too_much_${name}`, name, 0]);
  return found;
}

export { Stall, curesOf };

// The training so far: states to go back to, thinned out so that they stay few. See glassnet/playground/past.py.

const MOST_STATES = 240;
const LOOKED_AT = 200; // training rows by which a unit is told to be dead

class Past {
  constructor(session) {
    this.session = session;
    this.states = [this.state()];
    this.place = 0;
  }

  // Takes the session as it is now in; where it went on from an earlier state, what came after that is gone.
  keep() {
    const { session } = this,
      known = this.states[this.place];
    const isSame = ["epochs", "batch", "changes"].every((name) => session[name] === known[name]);
    if (isSame && session.net.updates === known.updates) return;
    this.states.splice(this.place + 1, Infinity, this.state());
    if (this.states.length > MOST_STATES) {
      const gap = (place) => this.states[place + 1].updates - this.states[place - 1].updates;
      let best = 1;
      for (let place = 2; place < this.states.length - 1; place++) if (gap(place) < gap(best)) best = place;
      this.states.splice(best, 1);
    }
    this.place = this.states.length - 1;
  }

  goTo(place) {
    this.keep();
    this.place = Math.max(0, Math.min(this.states.length - 1, place));
    this.session.restore(this.states[this.place]);
  }

  // The hidden units that are dead now, each with the place of the state in which it first was, for good.
  deaths() {
    return this.states[this.place].dead.map((unit) => {
      let { place } = this;
      while (place && this.states[place - 1].dead.includes(unit)) place--;
      return [unit, place];
    });
  }

  state() {
    const { net, examples } = this.session;
    const rows = Math.min(LOOKED_AT, examples.train.count);
    const { hidden } = net.predict(examples.train.x.subarray(0, rows * examples.inputs), rows);
    const dead = [];
    let unit = 0;
    hidden.forEach((values, layer) => {
      const width = values.length / rows,
        units = layer === 0 && net.filters ? net.filters : width; // a map of a convolution is a unit of many numbers
      const isFixed = (own) =>
        values.every((value, place) => ownerOf(place) !== own || value === values[place % width]);
      const ownerOf = (place) => Math.floor(((place % width) * units) / width);
      for (let own = 0; own < units; own++, unit++) if (isFixed(own)) dead.push(unit);
    });
    return { ...this.session.kept(), dead };
  }
}

export { Past };

// Random numbers, number for number those of NumPy and of glassnet/core/randomness.py.
//
// Sources: SeedSequence, PCG64 and the ziggurat as NumPy implements them (numpy.random, since 1.17); M. E. O'Neill, "PCG:
// a family of simple fast space-efficient statistically good algorithms for random number generation" (2014);
// G. Marsaglia, W. W. Tsang, "The ziggurat method for generating random variables", J. Statistical Software 5 (2000);
// J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, for Philox.

const WIDE = (1n << 128n) - 1n,
  LONG = (1n << 64n) - 1n;
const MULTIPLIER = (2549297995355413924n << 64n) | 4865540595714422341n;

// NumPy's SeedSequence of 32-bit words: the four 64-bit words that it gives.
function seedWords(entropy) {
  let constant = 0x43b0d7e5;
  const mixed = (value, factor) => {
    value ^= constant;
    constant = Math.imul(constant, factor);
    value = Math.imul(value, constant);
    return (value ^ (value >>> 16)) >>> 0;
  };
  const both = (x, y) => {
    const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  const hashed = (value) => mixed(value, 0x931e8875);
  const pool = [0, 1, 2, 3].map((i) => hashed(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++)
    for (let to = 0; to < 4; to++) if (to !== from) pool[to] = both(pool[to], hashed(pool[from]));
  for (const word of entropy.slice(4)) for (let to = 0; to < 4; to++) pool[to] = both(pool[to], hashed(word));
  constant = 0x8b51f9dd;
  const halves = Array.from({ length: 8 }, (_, i) => BigInt(mixed(pool[i % 4], 0x58f38ded)));
  return [0, 1, 2, 3].map((i) => halves[2 * i] | (halves[2 * i + 1] << 32n));
}

// The normal density in 256 layers of the same area: edges, widths, heights.
const TAIL = 3.6541528853610087963519472518,
  AREA = 0.004928673233974658; // of a layer: TAIL · density(TAIL), and what lies beyond
const LAYERS = (() => {
  const density = (x) => Math.exp(-0.5 * x * x);
  const edges = new Float64Array(257);
  edges[256] = AREA / density(TAIL);
  edges[255] = TAIL;
  for (let i = 254; i > 0; i--) edges[i] = Math.sqrt(-2 * Math.log(AREA / edges[i + 1] + density(edges[i + 1])));
  const scale = 2 ** 52;
  const width = new Float64Array(256),
    inside = new Float64Array(256),
    height = new Float64Array(256);
  for (let i = 0; i < 256; i++) {
    const edge = i === 0 ? edges[256] : edges[i];
    width[i] = edge / scale;
    inside[i] = Math.floor(((i === 0 ? TAIL : i === 1 ? 0 : edges[i - 1]) / edge) * scale);
    height[i] = i === 0 ? 1 : density(edges[i]);
  }
  return { width, inside, height };
})();

// numpy.random.default_rng(words), where a number below 2³² is a word.
class Generator {
  constructor(...entropy) {
    const [a, b, c, d] = seedWords(entropy);
    this.increment = ((((c << 64n) | d) << 1n) | 1n) & WIDE;
    this.state = 0n;
    this.advance();
    this.state = (this.state + ((a << 64n) | b)) & WIDE;
    this.advance();
    this.kept = null;
  }

  advance() {
    this.state = (this.state * MULTIPLIER + this.increment) & WIDE;
  }

  word() {
    this.advance();
    const folded = (this.state >> 64n) ^ (this.state & LONG);
    const turn = this.state >> 122n;
    return ((folded >> turn) | (folded << (-turn & 63n))) & LONG;
  }

  // The lower half of a word, then its upper half.
  half() {
    if (this.kept !== null) {
      const kept = this.kept;
      this.kept = null;
      return kept;
    }
    const word = this.word();
    this.kept = Number(word >> 32n);
    return Number(word & 0xffffffffn);
  }

  random() {
    return Number(this.word() >> 11n) / 2 ** 53;
  }

  uniform(low, high, count) {
    return Float64Array.from({ length: count }, () => low + (high - low) * this.random());
  }

  normal(count) {
    return Float64Array.from({ length: count }, () => this.normalOne());
  }

  normalOne() {
    for (;;) {
      const word = this.word();
      const layer = Number(word & 0xffn);
      const size = Number((word >> 9n) & 0xfffffffffffffn);
      const x = ((word >> 8n) & 1n ? -1 : 1) * size * LAYERS.width[layer];
      if (size < LAYERS.inside[layer]) return x;
      if (layer === 0) return this.beyond(size);
      const { height } = LAYERS;
      if ((height[layer - 1] - height[layer]) * this.random() + height[layer] < Math.exp(-0.5 * x * x)) return x;
    }
  }

  beyond(size) {
    for (;;) {
      const x = -Math.log1p(-this.random()) / TAIL,
        y = -Math.log1p(-this.random());
      if (y + y > x * x) return Math.floor(size / 256) % 2 ? -(TAIL + x) : TAIL + x;
    }
  }

  permutation(count) {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const mask = 2 ** (32 - Math.clz32(i)) - 1;
      let other;
      do other = (this.half() & mask) >>> 0;
      while (other > i);
      [order[i], order[other]] = [order[other], order[i]];
    }
    return order;
  }
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

// A number for a name: CRC-32 of its bytes.
function streamOf(name) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(name)) crc = (crc >>> 8) ^ CRC[(crc ^ byte) & 255];
  return ~crc >>> 0;
}

// A generator for one purpose.
function generatorFor(seed, purpose, index = 0) {
  return new Generator(seed, streamOf(purpose), index);
}

// The upper and the lower half of a product of two 32-bit words.
function product(a, b) {
  const [low, high] = [(a & 0xffff) * b, (a >>> 16) * b];
  const sum = (high % 65536) * 65536 + low;
  return [(Math.floor(high / 65536) + Math.floor(sum / 2 ** 32)) >>> 0, sum >>> 0];
}

// Words of Philox-4x32-10, as many as `words` has.
function philox(words, seed, step, stream) {
  for (let block = 0; 4 * block < words.length; block++) {
    let [c0, c1, c2, c3] = [block, step >>> 0, Math.floor(step / 2 ** 32), stream];
    let [k0, k1] = [seed, 0];
    for (let round = 0; round < 10; round++) {
      const [high0, low0] = product(0xd2511f53, c0),
        [high1, low1] = product(0xcd9e8d57, c2);
      [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
      k0 = (k0 + 0x9e3779b9) >>> 0;
      k1 = (k1 + 0xbb67ae85) >>> 0;
    }
    [c0, c1, c2, c3].forEach((word, i) => {
      if (4 * block + i < words.length) words[4 * block + i] = word;
    });
  }
  return words;
}

export { Generator, generatorFor, philox, streamOf };

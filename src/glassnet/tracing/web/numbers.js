// The page's numbers: decoded when first asked for, and written with a stated number of digits.

let content = null,
  words = null;
const DIGITS = 6;

class NotHere extends Error {}

const decoded = new Map();

// Everything that follows is about one trace.
function setContent(found) {
  content = found;
  words = found.words;
  decoded.clear();
  forgetChanges();
}

function numbers(id) {
  if (!decoded.has(id)) decoded.set(id, decode(content.arrays[id]));
  return decoded.get(id);
}

function decode(entry) {
  const bytes = Uint8Array.from(atob(entry.values), (letter) => letter.charCodeAt(0));
  const kinds = { f4: Float32Array, f8: Float64Array, i4: Int32Array };
  const kept = new kinds[entry.kind](bytes.buffer);
  if (!entry.runs) return { values: kept, has: null };
  const values = new Float64Array(entry.size),
    has = new Uint8Array(entry.size);
  let next = 0;
  for (const [start, length] of entry.runs) {
    for (let place = start; place < start + length; place++) {
      values[place] = kept[next++];
      has[place] = 1;
    }
  }
  return { values, has };
}

let asked = null; // while somebody listens: which elements of which arrays are asked for

// What a function asks for, as pairs of an array and a flat place; null where some of it is not here.
function whileListening(run) {
  asked = [];
  try {
    run();
    return asked;
  } catch (error) {
    if (error instanceof NotHere) return null;
    throw error;
  } finally {
    asked = null;
  }
}

function isHere(array, place) {
  const { has } = numbers(array.id);
  return !has || has[place] === 1;
}

// The element at a flat place, as it is after a change where there was one; throws NotHere where the page does without it.
function element(array, place) {
  asked?.push([array, place]);
  return array.now ? array.now[place] : recorded(array, place);
}

// The same as it was recorded.
function recorded(array, place) {
  const { values, has } = numbers(array.id);
  if (has && !has[place]) throw new NotHere();
  return values[place];
}

function differs(array, place) {
  return Boolean(array.now) && !Object.is(array.now[place], recorded(array, place));
}

function isWhole(array) {
  return !array.dtype.startsWith("float");
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

function power(exponent) {
  return "10" + [...String(exponent)].map((digit) => RAISED[digit]).join("");
}

// A number with so many digits, whole numbers as they are: "−0.0342", "1.5·10⁻⁷".
function write(value, digits = DIGITS) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value),
    sign = value < 0 ? "−" : "";
  if (Number.isInteger(value) && size < 1e6) return sign + size;
  const exponent = Number(size.toExponential(digits - 1).split("e")[1]);
  if (exponent >= -4 && exponent < 6) return sign + String(Number(size.toPrecision(digits)));
  const mantissa = Number(size.toExponential(digits - 1).split("e")[0]);
  return `${sign}${mantissa}·${power(exponent)}`;
}

// How the numbers of one array are written in its cells: a common power of ten, and common decimals, so many digits
// for the largest.
function cellFormat(array, digits = 3) {
  if (isWhole(array) || array.scale === 0) return { exponent: 0, decimals: 0 };
  const size = Math.floor(Math.log10(array.scale));
  const exponent = size < -2 || size > 3 ? 3 * Math.floor(size / 3) : 0;
  return { exponent, decimals: Math.max(0, digits - 1 - (size - exponent)) };
}

function writeCell(value, format) {
  if (!Number.isFinite(value)) return write(value);
  const text = Math.abs(value / 10 ** format.exponent).toFixed(format.decimals);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

// The indices of a flat place, and back.
function unravel(place, shape) {
  const indices = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    indices.unshift(place % shape[axis]);
    place = Math.floor(place / shape[axis]);
  }
  return indices;
}

function ravel(indices, shape) {
  return indices.reduce((place, index, axis) => place * shape[axis] + index, 0);
}

function grouped(count) {
  return count.toLocaleString("en");
}

function escapeHtml(text) {
  return String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}

// Puts values into a text: {} one after another, {0} by place, {name} out of an object.
function fill(text, ...values) {
  let next = 0;
  return text.replace(/\{(\w*)\}/g, (_, name) =>
    name === "" ? values[next++] : /^\d/.test(name) ? values[name] : values[0][name],
  );
}

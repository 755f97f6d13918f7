// Where the units and weights of the network stand on the diagram, and what lies under the pointer.

const SAMPLES = 24; // points of a wire that the pointer is compared with

// Columns of boxes from the inputs to the outputs; of a picture the pixels are one box.
function arrange(structure, width, height) {
  const counts = structure.units.map((count, layer) => (layer === 0 && structure.is_image ? 1 : count));
  const most = Math.max(...counts);
  const spacing = width / counts.length;
  const side = Math.max(8, Math.min(38, 0.58 * spacing, height / most - 5));
  const hasMaps = structure.kernel_size > 0;
  const mapSide = hasMaps ? Math.min(72, 0.5 * spacing, height / counts[1] - 5) : 0;
  const gap = Math.min(26, (height - most * side) / Math.max(1, most - 1));
  const columns = counts.map((count, layer) => {
    const x = spacing * (layer + 0.5);
    const isPicture = layer === 0 && structure.is_image;
    const isMap = layer === 1 && hasMaps;
    const own = isPicture ? Math.min(hasMaps ? 128 : 64, 0.8 * spacing) : isMap ? mapSide : side;
    const step = own + (isMap ? Math.min(26, (height - count * own) / Math.max(1, count - 1)) : gap);
    const top = height / 2 - ((count - 1) * step) / 2;
    return Array.from({ length: count }, (_, i) => {
      const box = { layer, index: i, x, y: top + i * step, side: own };
      return isMap ? { ...box, x: x + 0.12 * spacing, filter: filterBeside(box, x + 0.12 * spacing) } : box;
    });
  });
  return { columns, spacing, wires: wiresOf(structure, columns) };
}

// Where the filter of a map stands, at its left.
function filterBeside({ y, side }, x) {
  const own = 0.55 * side;
  return { x: x - side / 2 - own / 2 - 6, y, side: own };
}

// One wire for each weight; from a picture or a map one for each unit, which stands for all its pixels, or for a filter.
function wiresOf(structure, columns) {
  const weights = structure.layout.filter((part) => part.path.endsWith("weight"));
  return weights.flatMap((part, layer) => {
    const isFilter = part.shape.length === 4;
    const [inputs, units] = isFilter ? [part.shape[2] * part.shape[3], part.shape[0]] : part.shape;
    const from = columns[layer],
      to = columns[layer + 1],
      pixels = inputs / from.length;
    const placeOf = (i, j, pixel) => part.start + (isFilter ? j * pixels + pixel : (i * pixels + pixel) * units + j);
    return from.flatMap((source, i) =>
      to.map((target, j) => ({
        layer,
        i,
        j,
        path: part.path.replace(/\.?weight$/, ""),
        isFilter,
        place: placeOf(i, j, 0),
        bundle: pixels === 1 ? null : Array.from({ length: pixels }, (_, pixel) => placeOf(i, j, pixel)),
        curve: curveOf(source, target.filter ?? target),
        filter: target.filter,
      })),
    );
  });
}

function curveOf(source, target) {
  const [x0, y0, x3, y3] = [source.x + source.side / 2, source.y, target.x - target.side / 2, target.y];
  const middle = (x0 + x3) / 2;
  return [x0, y0, middle, y0, middle, y3, x3, y3];
}

function pointOn([x0, y0, x1, y1, x2, y2, x3, y3], t) {
  const s = 1 - t;
  const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return [a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3];
}

function unitAt(diagram, x, y) {
  for (const column of diagram.columns) {
    for (const unit of column) {
      if (isWithin(unit, x, y)) return unit;
    }
  }
  return null;
}

function isWithin(box, x, y) {
  return Math.abs(x - box.x) <= box.side / 2 && Math.abs(y - box.y) <= box.side / 2;
}

function wireAt(diagram, x, y, reach = 8) {
  const own = diagram.wires.find(({ filter }) => filter && isWithin(filter, x, y));
  if (own) return own;
  let best = null,
    nearest = reach * reach;
  for (const wire of diagram.wires) {
    if (x < wire.curve[0] - reach || x > wire.curve[6] + reach) continue;
    for (let sample = 0; sample <= SAMPLES; sample++) {
      const [px, py] = pointOn(wire.curve, sample / SAMPLES);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < nearest) [best, nearest] = [wire, distance];
    }
  }
  return best;
}

// The wire that an arrow key leads to: up and down through the wires of a layer, left and right to another's.
function wireBeside(diagram, wire, key) {
  const { wires } = diagram;
  if (!wire) return wires[0];
  const place = wires.indexOf(wire);
  if (key === "ArrowDown" || key === "ArrowUp") {
    const next = wires[place + (key === "ArrowDown" ? 1 : -1)];
    return next && next.layer === wire.layer ? next : wire;
  }
  const layer = wire.layer + (key === "ArrowRight" ? 1 : -1);
  const others = wires.filter((other) => other.layer === layer);
  const matching =
    key === "ArrowRight" ? others.find((other) => other.i === wire.j) : others.find((other) => other.j === wire.i);
  return matching ?? others[0] ?? wire;
}

export { arrange, pointOn, unitAt, wireAt, wireBeside };

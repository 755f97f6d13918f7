// Where an array is too large: a small map of the whole, on which the part that is shown is a window. It is dragged with
// the pointer and moved with the arrow keys. Axes that the map does not show have a slider each.

const MAP_SIDE = 132, // of the longer side in pixels
  MAP_LEAST = 28;

function addWindow(box, number, name) {
  const call = content.calls[number],
    array = call.arrays[name];
  if (array.maps || !array.overview) return;
  const host = Object.assign(document.createElement("div"), { className: "window" });
  const shown = Object.assign(document.createElement("span"), { className: "shown" });
  const isCut = (axis) => array.part[axis] < array.shape[axis];
  const map = mapOf(call, name, (at) => move(array.overview.axes, at));
  const move = (axes, at) => {
    axes.forEach((axis, i) => {
      array.at[axis] = Math.max(0, Math.min(array.shape[axis] - array.part[axis], Math.round(at[i])));
    });
    shown.textContent = array.shape
      .map((_, axis) => (isCut(axis) ? rangeText(array, axis) : ""))
      .filter(Boolean)
      .join(", ");
    map.paint();
    if (box.querySelector(".panes")) redraw(box);
    return shown.textContent;
  };
  host.append(map);
  array.shape.forEach((size, axis) => {
    if (!isCut(axis) || array.overview.axes.includes(axis)) return;
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: size - array.part[axis], value: array.at[axis] });
    slider.setAttribute("aria-label", `${labelOf(call, name)} ${array.letters?.[axis] ?? axis}`);
    slider.addEventListener("input", () => move([axis], [Number(slider.value)]));
    host.append(slider);
  });
  host.append(shown);
  box.append(host);
  box.moveTo = (place) =>
    move(
      [...array.shape.keys()],
      unravel(place, array.shape).map((index, axis) => index - array.part[axis] / 2),
    );
  move([], []);
}

function rangeText(array, axis) {
  return `${array.letters?.[axis] ?? axis}: ${array.at[axis]} – ${array.at[axis] + array.part[axis] - 1}`;
}

function mapOf(call, name, move) {
  const array = call.arrays[name],
    { axes, rows, columns, cells } = array.overview;
  const values = Int8Array.from(atob(cells), (letter) => letter.charCodeAt(0));
  const [down, across] = axes.length === 2 ? axes : [null, axes[0]];
  const sizes = [down === null ? 1 : array.shape[down], array.shape[across]];
  const longest = Math.max(...sizes),
    [height, width] = sizes.map((size) => Math.round(Math.max(MAP_LEAST, (MAP_SIDE * size) / longest)));
  const canvas = document.createElement("canvas"),
    pen = canvas.getContext("2d"),
    ratio = Math.max(1, window.devicePixelRatio || 1);
  canvas.className = "map";
  Object.assign(canvas, { width: width * ratio, height: height * ratio, tabIndex: 0 });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  canvas.setAttribute("role", "group");
  canvas.setAttribute("aria-label", fill(words.map, labelOf(call, name)));
  canvas.title = fill(words.map, labelOf(call, name));
  const at = () => axes.map((axis) => array.at[axis]),
    part = axes.map((axis) => array.part[axis]);
  canvas.paint = () => {
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        pen.fillStyle = css(colourOf(values[i * columns + j], { scale: 127, dtype: array.dtype }));
        const [x, y] = [(j * width) / columns, (i * height) / rows];
        pen.fillRect(x, y, width / columns + 1, height / rows + 1);
      }
    }
    const box = (axis, length) =>
      axis === null ? [0, length] : [array.at[axis], array.part[axis]].map((own) => (own * length) / array.shape[axis]);
    const [[y, tall], [x, wide]] = [box(down, height), box(across, width)];
    pen.lineWidth = 2;
    pen.strokeStyle = css(colours.accent);
    pen.strokeRect(
      Math.min(x, width - 4) + 1,
      Math.min(y, height - 4) + 1,
      Math.max(2, wide - 2),
      Math.max(2, tall - 2),
    );
  };
  const drag = (event) => {
    const edge = canvas.getBoundingClientRect();
    const share = { [across]: (event.clientX - edge.left) / edge.width };
    if (down !== null) share[down] = (event.clientY - edge.top) / edge.height;
    move(axes.map((axis) => share[axis] * array.shape[axis] - array.part[axis] / 2));
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drag(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && drag(event));
  canvas.addEventListener("keydown", (event) => {
    const keys = { ArrowUp: [down, -1], ArrowDown: [down, 1], ArrowLeft: [across, -1], ArrowRight: [across, 1] };
    const ends = { Home: () => 0, End: (_, i) => array.shape[axes[i]] - part[i] };
    if (event.key in ends) announced.textContent = move(at().map(ends[event.key]));
    else if (event.key in keys) {
      const [axis, way] = keys[event.key];
      const step = axes.map((own, i) => (own === axis ? way * (event.shiftKey ? 1 : Math.max(1, part[i] >> 1)) : 0));
      announced.textContent = move(at().map((first, i) => first + step[i]));
    } else return;
    event.preventDefault();
  });
  return canvas;
}

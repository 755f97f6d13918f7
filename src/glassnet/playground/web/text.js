// The page of texts: what a small language model expects next, and how it comes to that.

import { isDark, mix, penOf, readTheme, theme } from "./colours.js";
import { connect } from "./socket.js";
import { currentLanguage, firstLanguage, has, label, t, useLanguage } from "./words.js";

const $ = (id) => document.getElementById(id);
const FONT = 'ui-monospace, "DejaVu Sans Mono", Menlo, monospace';
const BLANK = { " ": "␣", "\t": "⇥" };
let structure = null,
  frame = null,
  isStale = false,
  lastError = null;

const tell = connect(
  {
    structure: (message) => {
      structure = message;
      $("texts").value = message.texts;
      $("network").value = message.network;
      showWords();
    },
    frame: (message) => {
      frame = message;
      isStale = true;
    },
    error: showMessage,
  },
  () => {},
  () => {
    if (lastError?.code !== "too_many_pages") showMessage({ code: "disconnected_text" });
    return false;
  },
  "/text-socket",
);

function showMessage(message) {
  lastError = message;
  $("message").hidden = false;
  $("message").firstElementChild.textContent = t(has(message.code) ? message.code : "error", message);
}

// Everything that moves is drawn here, at most once for each picture on the screen.
function draw() {
  requestAnimationFrame(draw);
  if (!isStale || !frame) return;
  isStale = false;
  $("play").setAttribute("aria-pressed", String(frame.playing));
  label($("play"), t(frame.playing ? "pause" : "play"));
  $("epoch").textContent = frame.epoch.toLocaleString();
  $("loss").textContent = number(frame.loss, 3);
  $("perplexity").textContent = number(frame.perplexity, 2);
  if (document.activeElement !== $("prefix")) $("prefix").value = frame.prefix;
  drawNext();
  drawMaps();
  document.body.dataset.epoch = String(frame.epoch);
  document.body.dataset.prefix = frame.prefix;
}

function number(value, digits) {
  return value === null ? "–" : value.toFixed(digits);
}

function drawNext() {
  $("next").replaceChildren(
    ...frame.next.map(([letter, share]) => {
      const [line, name, bar, value] = ["li", "b", "i", "span"].map((tag) => document.createElement(tag));
      name.textContent = letter === "" ? t("end_of_text") : (BLANK[letter] ?? letter);
      name.classList.toggle("end", letter === "");
      bar.style.width = `${100 * share}%`;
      value.textContent = `${(100 * share).toFixed(1)} %`;
      const track = document.createElement("div");
      track.append(bar);
      line.append(name, track, value);
      return line;
    }),
  );
}

function drawMaps() {
  const holder = $("maps");
  while (holder.children.length > frame.maps.length) holder.lastChild.remove();
  while (holder.children.length < frame.maps.length) {
    const figure = document.createElement("figure");
    figure.append(document.createElement("figcaption"), document.createElement("canvas"));
    holder.append(figure);
  }
  frame.maps.forEach((map, place) => {
    const [caption, canvas] = holder.children[place].children;
    caption.textContent = map.kind === "attention" ? t("head", map.name) : t(map.name);
    drawMap(canvas, map, frame.arrays[`map${place}`]);
  });
}

// A map with the letters above it; attention has them at its left, too.
function drawMap(canvas, { kind, shape }, values) {
  const [rows, columns] = shape;
  const width = canvas.clientWidth;
  const [left, top] = [kind === "attention" ? 16 : 2, 18];
  const across = Math.min(30, (width - left) / columns);
  const down = kind === "attention" ? across : 6;
  const height = top + rows * down + 2;
  canvas.style.height = `${height}px`;
  const pen = penOf(canvas, width, height);
  const most = kind === "signed" ? Math.max(1e-9, ...values.map(Math.abs)) : 1;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = values[row * columns + column] / most;
      const full = value < 0 ? theme.negative : kind === "signed" ? theme.positive : theme.accent;
      pen.fillStyle = `rgb(${mix(theme.paper, full, Math.abs(value)).join(",")})`;
      pen.fillRect(left + column * across, top + row * down, Math.ceil(across), Math.ceil(down));
    }
  }
  pen.strokeStyle = `rgb(${theme.line.join(",")})`;
  pen.strokeRect(left - 0.5, top - 0.5, columns * across + 1, rows * down + 1);
  pen.fillStyle = `rgb(${theme.muted.join(",")})`;
  pen.font = `11px ${FONT}`;
  pen.textAlign = "center";
  frame.steps.forEach((step, place) => {
    const letter = step === "" ? "▪" : (BLANK[step] ?? step);
    pen.fillText(letter, left + (place + 0.5) * across, top - 5);
    if (kind === "attention") pen.fillText(letter, left / 2 - 1, top + (place + 0.5) * down + 4);
  });
}

function showWords() {
  document.title = `glassnet ${t("text_playground")}`;
  $("other-page").href = `/${location.search}`;
  if (structure) {
    $("about").textContent = t("about_text", structure.lines, structure.letters, structure.weights.toLocaleString());
    $("inside-note").textContent = t(structure.network === "attention" ? "attention_note" : "gates_note");
  }
  isStale = true;
}

$("play").addEventListener("click", () => tell(frame?.playing ? "pause" : "play"));
$("reset").addEventListener("click", () => tell("reset"));
$("write").addEventListener("click", () => tell("write"));
$("begin").addEventListener("click", () => begin());
$("network").addEventListener("change", () => begin());
$("prefix").addEventListener("input", () => {
  $("message").hidden = true;
  tell("prefix", { prefix: $("prefix").value });
});
$("message").lastElementChild.addEventListener("click", () => {
  $("message").hidden = true;
});
$("language").addEventListener("click", () => {
  useLanguage(currentLanguage() === "en" ? "zh" : "en");
  showWords();
});
isDark.addEventListener("change", () => {
  readTheme();
  isStale = true;
});
addEventListener("resize", () => {
  isStale = true;
});

function begin() {
  $("message").hidden = true;
  tell("begin", { texts: $("texts").value, network: $("network").value });
}

readTheme();
useLanguage(firstLanguage());
showWords();
requestAnimationFrame(draw);

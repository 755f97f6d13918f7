// The page: what comes from the server is kept and drawn, what a person does is sent.

import { hideAdvice, repeatAdvice, setUpAdvice, showAdvice } from "./advice.js";
import { isDark, readTheme } from "./colours.js";
import { openCard, refreshCard, setCardFrame, setCardStructure, setUpCard } from "./card.js";
import { showControls } from "./controls.js";
import * as curves from "./curves.js";
import { write } from "./explain.js";
import { hideControls, unknownNames } from "./hide.js";
import { copy, saveModel, setUpListing, showListing } from "./listing.js";
import * as network from "./network.js";
import { setPast, setUpPast } from "./past.js";
import { givenUp, isResuming, noteChanges, noteLost, noteStructure, noteTable, resume, resumed } from "./resume.js";
import { fromHash, toHash } from "./share.js";
import { connect, isServed } from "./socket.js";
import * as surface from "./surface.js";
import { setTourFrame, setTourStructure, setUpTour } from "./tour.js";
import { tableOf } from "./upload.js";
import { openPart, openWalk, setUpWalk, showTrace } from "./walk.js";
import { currentLanguage, firstLanguage, goAlone, has, label, t, useLanguage } from "./words.js";

const $ = (id) => document.getElementById(id);
const PATIENCE = 700; // milliseconds
const PACES = [1, 3, 10, 30, 100, 300, 1000, 100000];
let structure = null,
  frame = null,
  isStale = false,
  isPlaying = false,
  isBack = false, // whether the next structure is that of the training that was lost
  isHeld = false, // whether a control is pressed: replaced meanwhile, it would lose its click or stop being dragged
  isDue = false, // whether the controls are to be shown once it is released
  lastError = null;
let wanted = null,
  timer = 0,
  unanswered = 0, // the setting that is asked for, until the server has answered
  patience = 0; // until it is said that the answer takes its time

const handlers = {
  structure: (message) => {
    structure = message;
    frame = null; // the one before was another network's
    noteStructure(structure);
    settled();
    history.replaceState(null, "", toHash(structure.setting));
    hideAdvice();
    if (!isBack) curves.clear();
    isBack = false;
    surface.setStructure(structure);
    network.setStructure(structure);
    setCardStructure(structure);
    setTourStructure(structure);
    const unknown = unknownNames();
    if (unknown.length) showMessage({ code: "hide_unknown", names: unknown.join(", ") });
  },
  frame: (message) => {
    frame = message;
    isPlaying = message.playing;
    isStale = true;
  },
  changes: noteChanges,
  advice: showAdvice,
  trace: showTrace,
  code: showListing,
  model: saveModel,
};

const tell = connect(
  {
    ...Object.fromEntries(Object.entries(handlers).map(([kind, act]) => [kind, (m) => isResuming() || act(m)])),
    resumed: () => {
      isBack = true;
      showMessage({ code: "resumed" });
      if (resumed()) send("play");
    },
    error: (message) => {
      showMessage(message);
      const setting = givenUp();
      if (setting) return send("configure", { setting });
      if (structure) settled();
    },
  },
  () => {
    unanswered = 0;
    $("busy").hidden = true;
    wanted = null;
    if (resume(tell, Number($("pace").value))) return;
    const setting = fromHash(location.hash);
    if (setting && setting.dataset !== "table") send("configure", { setting });
  },
  () => {
    noteLost(frame);
    if (lastError?.code === "too_many_pages") return false;
    showMessage({ code: "disconnected" });
    return true;
  },
);

// Says something to the server; a network of another form comes back from some of it.
function send(kind, fields) {
  if (["configure", "reset", "table"].includes(kind)) {
    unanswered++;
    clearTimeout(patience);
    patience = setTimeout(() => ($("busy").hidden = unanswered === 0), PATIENCE);
  }
  tell(kind, fields);
}

// An answer has come: unless more is under way, the fields show what holds.
function settled() {
  unanswered = Math.max(0, unanswered - 1);
  if (!unanswered) $("busy").hidden = true;
  if (unanswered || timer) return;
  wanted = null;
  show();
}

function show() {
  isDue = isHeld;
  if (isDue) return;
  showControls(structure, change, adjust);
  const { length } = structure.setting.hidden;
  $("layer-count").textContent =
    length === 0 ? t("no_hidden") : t(length === 1 ? "hidden_layer" : "hidden_layers", length);
  $("fewer-layers").disabled = length === 0;
  $("more-layers").disabled = length >= 6;
  $("metric-name").textContent = t(structure.task === "numbers" ? "r2" : "accuracy");
  $("reading").hidden = structure.setting.dataset !== "table";
  $("reading-text").replaceChildren(
    ...structure.reading.flatMap((entry) =>
      ["dt", "dd"].map((tag, place) => Object.assign(document.createElement(tag), { textContent: entry[place] })),
    ),
  );
}

// After the click that a release may end in.
function released() {
  isHeld = false;
  if (isDue) setTimeout(show);
}

// A part of the setting is changed: values, or a function that makes them of the setting that is asked for, which the
// fields may not show yet. While a slider moves, only now and then it is sent.
function change(told) {
  const part = typeof told === "function" ? told(asked()) : told;
  wanted = { ...asked(), ...part };
  hideMessage();
  clearTimeout(timer);
  timer = setTimeout(
    () => {
      timer = 0;
      send("configure", { setting: wanted });
    },
    "noise" in part || "rows" in part || "held_out" in part ? 120 : 0,
  );
}

// What may change while the network learns: nothing begins anew.
function adjust(name, value) {
  if (wanted) return change({ [name]: value });
  hideMessage();
  send("change", { name, value, place: -1 });
}

// Rate and penalties as they are now: where they were changed, the fields and the address say so.
function followChanges() {
  const { setting } = structure;
  if (wanted || Object.entries(frame.now).every(([name, value]) => setting[name] === value)) return;
  Object.assign(setting, frame.now);
  history.replaceState(null, "", toHash(setting));
  show();
}

function asked() {
  return wanted ?? structure.setting;
}

function changeHidden(changed) {
  change(({ hidden }) => ({ hidden: changed(hidden) }));
}

// Everything that moves is drawn here, at most once for each picture on the screen.
function draw() {
  requestAnimationFrame(draw);
  if (!isStale || !structure || !frame) return;
  isStale = false;
  surface.setFrame(frame);
  network.setAnswerPicture(structure.is_image ? null : surface.answers);
  network.setFrame(frame);
  surface.drawSurface();
  followChanges();
  setCardFrame(frame);
  setTourFrame(frame);
  setPast(frame);
  curves.add(frame, structure.batches);
  curves.drawCurves();
  $("epoch").textContent = frame.epoch.toLocaleString("en");
  $("updates").textContent = frame.updates.toLocaleString("en");
  $("batch").textContent = t("batch_of", frame.batch + 1, structure.batches);
  for (const side of [0, 1]) {
    $(`loss-${side}`).textContent = frame.loss[side] === null ? "∞" : write(frame.loss[side], 3);
    const metric = frame.metric[side];
    $(`metric-${side}`).textContent =
      metric === null
        ? "–"
        : structure.task === "numbers"
          ? metric.toFixed(3).replace("-", "−")
          : `${(100 * metric).toFixed(1)} %`;
  }
  showPlaying();
  document.body.dataset.updates = frame.updates; // what is on the screen, for those who wait for it
}

function showPlaying() {
  const button = $("play");
  if (button.getAttribute("aria-pressed") === String(isPlaying) && button.title) return;
  button.setAttribute("aria-pressed", isPlaying);
  label(button, t(isPlaying ? "pause" : "play"));
}

function showMessage(message) {
  lastError = message;
  const known = has(message.code) ? message.code : "error";
  const box = $("message");
  box.hidden = false;
  box.firstElementChild.textContent = t(known, message);
}

function hideMessage() {
  if (lastError?.code === "disconnected") return;
  lastError = null;
  $("message").hidden = true;
}

function togglePlay() {
  hideMessage();
  send(isPlaying ? "pause" : "play");
}

function look(place) {
  hideMessage();
  send("look", { place });
}

function step() {
  hideMessage();
  send("step");
}

function speak(name) {
  useLanguage(name);
  $("pace").replaceChildren(
    ...PACES.map((pace) => {
      const text = pace === 100000 ? t("pace_most") : pace === 1 ? t("pace_one") : t("pace_value", pace);
      return new Option(text, pace, false, pace === Number($("pace").value || 30));
    }),
  );
  $("play").title = "";
  isStale = true;
  if (lastError) showMessage(lastError);
  repeatAdvice();
  if (!structure) return;
  show();
  surface.setStructure(structure);
  network.setStructure(structure);
  setCardStructure(structure);
}

async function upload(file) {
  if (!file) return;
  hideMessage();
  const table = await tableOf(file);
  if (!table) return showMessage({ code: "too_large" });
  noteTable(table);
  send("table", table);
}

$("play").addEventListener("click", togglePlay);
$("step").addEventListener("click", step);
$("reset").addEventListener("click", () => send("reset"));
$("slowly").addEventListener("click", openWalk);
$("pace").addEventListener("change", () => send("pace", { epochs_per_second: Number($("pace").value) }));
$("more-layers").addEventListener("click", () => changeHidden((hidden) => [...hidden, hidden.at(-1) ?? 4].slice(0, 6)));
$("fewer-layers").addEventListener("click", () => changeHidden((hidden) => hidden.slice(0, -1)));
$("language").addEventListener("click", () => speak(currentLanguage() === "en" ? "zh" : "en"));
$("code").addEventListener("click", () => send("code"));
$("model").addEventListener("click", () => send("model"));
$("share").addEventListener("click", async () =>
  showMessage({
    code: (await copy(isServed ? `${location.origin}/${location.hash}` : location.href)) ? "shared" : "share_here",
  }),
);
$("message").querySelector(".close").addEventListener("click", hideMessage);
$("file").addEventListener("change", () => upload($("file").files[0]).then(() => ($("file").value = "")));
$("show-held-out").addEventListener("change", () => {
  surface.showHeldOut($("show-held-out").checked);
  isStale = true;
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest(event.key === " " ? "input, select, button, canvas" : "input, select, canvas")) return;
  const action = { " ": togglePlay, s: step, e: () => send("epoch"), r: () => send("reset") }[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
});
window.addEventListener("hashchange", () => {
  const setting = fromHash(location.hash);
  if (setting) send("configure", { setting });
});
document.addEventListener("pointerdown", (event) => (isHeld = !event.target.closest("select")), true);
for (const name of ["pointerup", "pointercancel", "blur"]) window.addEventListener(name, released);
isDark.addEventListener("change", () => {
  readTheme();
  if (structure) show();
  surface.repaint();
  isStale = true;
});
new ResizeObserver(() => (isStale = true)).observe($("surface").parentElement);

document.body.classList.toggle("alone", !isServed);
if (!isServed) goAlone();
$("texts-page").href = `/text${location.search}`;
readTheme();
setUpNetwork();
hideControls();
speak(firstLanguage());
draw();

function setUpNetwork() {
  network.setUpNetwork({
    changeUnits: (layer, by) => {
      const first = structure.kernel_size ? 1 : 0; // filters are a layer before the hidden ones
      if (layer < first) return change(({ filters }) => ({ filters: Math.max(1, Math.min(8, filters + by)) }));
      changeHidden((hidden) =>
        hidden.map((units, other) => (other === layer - first ? Math.max(1, Math.min(16, units + by)) : units)),
      );
    },
    showImage: () => frame && refreshCard(),
    choose: openCard,
    showUnit: (unit) => {
      surface.showUnit(unit);
      if (frame) surface.drawSurface();
    },
  });
  setUpCard({
    changeWeight: (place, value) => send("change", { name: "weight", value, place }),
    explain: openPart,
    goTo: look,
    mark: network.mark,
    chosenImage: network.chosenImage,
    showPlace: network.showPlace,
    wireTo: network.filterTo,
  });
  setUpPast(look);
  setUpAdvice((field, value) => {
    change({ [field]: value });
    setTimeout(() => send("play")); // behind the change, which is sent first
  });
  setUpListing();
  setUpTour({ pause: () => isPlaying && send("pause"), step });
  setUpWalk({ ask: (language) => send("trace", { language }), step });
}

window.playground = {
  get structure() {
    return structure;
  },
  get frame() {
    return frame;
  },
  middles: network.middles,
  centres: network.centres,
};

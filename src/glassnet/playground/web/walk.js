// "One step, slowly": the next batch through the network and back, a layer at a time, and the sum behind a gradient.

import {
  choose,
  closePanel,
  fillCall,
  forgetChanges,
  panelIsOpen,
  readColours,
  repaintAll,
  setContent,
} from "./explain.js";
import { currentLanguage, t } from "./words.js";

const dialog = document.getElementById("walk"),
  stages = document.getElementById("stages"),
  stage = document.getElementById("stage");
const scroller = dialog.querySelector(".scroller");
const next = document.getElementById("next-stage"),
  previous = document.getElementById("previous-stage");
let trace = null,
  at = 0,
  wanted = null,
  takeStep = () => {},
  ask = () => {};

// `actions.ask(language)` asks the server for the trace of the next step; `actions.step()` takes that step.
function setUpWalk(actions) {
  ask = () => actions.ask(currentLanguage());
  takeStep = actions.step;
  next.addEventListener("click", () => {
    if (at < trace.stages.length - 1) return show(at + 1);
    close();
    takeStep();
  });
  previous.addEventListener("click", () => show(at - 1));
  document.getElementById("walk-close").addEventListener("click", close);
  dialog.addEventListener("close", () => {
    closePanel();
    forgetChanges();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    panelIsOpen() ? closePanel() : close();
  });
  // Links from one step to another stay within the dialog: the page's address holds the setting.
  dialog.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#step-"]');
    if (!link) return;
    event.preventDefault();
    const call = Number(link.getAttribute("href").slice(6)) - 1;
    show(trace.stages.findIndex((found) => found.calls.includes(call)));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => trace && repaintAll());
}

function openWalk() {
  wanted = null;
  ask();
}

// What made a number: `part` names the phase and the layer's path, and an array of it with row and column.
function openPart(part) {
  wanted = part;
  ask();
}

function showTrace(found) {
  trace = found;
  setContent(trace.content);
  readColours();
  if (!dialog.open) dialog.showModal();
  stages.replaceChildren(...trace.stages.map(chip));
  document.getElementById("walk-facts").textContent = t(
    "walk_facts",
    trace.content.arrays.length ? rowsOf(trace) : 0,
    trace.loss,
  );
  if (!wanted) return show(0);
  const { phase, path, array, row, column } = wanted;
  const place = trace.stages.findIndex((s) => s.phase === phase && s.path === path);
  show(Math.max(0, place));
  const call = trace.stages[place]?.calls.find((number) => array in trace.content.calls[number].arrays);
  if (array === null || call === undefined) return;
  const isOfImage = trace.content.calls[call].arrays.x?.shape.length === 4;
  document.getElementById("stage-note").textContent = t(`of_${array}${isOfImage ? "_image" : ""}`);
  choose(call, array, row * trace.content.calls[call].arrays[array].shape.at(-1) + column);
}

function rowsOf({ content }) {
  const [first] = content.calls;
  return Object.values(first.arrays)[0].shape[0];
}

function nameOf({ phase, path, title }) {
  if (phase === "loss" || path === "loss") return t("loss_phase");
  return phase === "update" ? path : title.replace(/, weight_init='\w+'/, "").replace("()", "");
}

function chip(found, place) {
  const item = document.createElement("li");
  const button = Object.assign(document.createElement("button"), {
    textContent: nameOf(found),
    className: found.phase,
  });
  button.addEventListener("click", () => show(place));
  if (trace.stages[place - 1]?.phase !== found.phase) {
    const key = { loss: "loss_phase" }[found.phase] ?? found.phase;
    item.append(Object.assign(document.createElement("span"), { textContent: t(key) }));
  }
  item.append(button);
  return item;
}

function show(place) {
  at = Math.max(0, Math.min(trace.stages.length - 1, place));
  const found = trace.stages[at];
  closePanel();
  [...stages.children].forEach((item, other) => item.lastChild.toggleAttribute("aria-current", other === at));
  stages.children[at].scrollIntoView({ block: "nearest", inline: "center" });
  const phase = t({ loss: "loss_phase" }[found.phase] ?? found.phase);
  document.getElementById("stage-title").textContent = `${phase} · ${nameOf(found)}`;
  document.getElementById("stage-note").textContent = t(`${found.phase}_note`);
  document.getElementById("stage-number").textContent = t("stage_of", at + 1, trace.stages.length);
  stage.innerHTML = found.html;
  for (const article of stage.querySelectorAll("article[data-call]")) fillCall(article, Number(article.dataset.call));
  scroller.scrollTop = 0;
  previous.disabled = at === 0;
  next.textContent = t(at === trace.stages.length - 1 ? "take_step" : "next");
}

function close() {
  if (panelIsOpen()) closePanel();
  dialog.close();
}

export { openPart, openWalk, setUpWalk, showTrace };

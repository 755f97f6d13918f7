// The slider over the training so far: it brings an earlier state of the network back.

import { label, t } from "./words.js";

const slider = document.getElementById("past"),
  note = document.getElementById("past-note");

function setUpPast(look) {
  slider.addEventListener("input", () => look(Number(slider.value)));
}

function setPast({ place, kept, epoch }) {
  slider.max = kept.length - 1;
  slider.disabled = kept.length < 2;
  if (document.activeElement !== slider || place === kept.length - 1) slider.value = place;
  const isBack = place < kept.length - 1;
  note.textContent = isBack ? t("looking_back", kept[place], kept.at(-1)) : t("past_hint");
  note.classList.toggle("back", isBack);
  label(slider, t("past"));
  slider.setAttribute("aria-valuetext", `${t("epoch")} ${epoch}`);
}

export { setPast, setUpPast };

// What may keep the training from getting on, each with a click that mends it.

import { write } from "./explain.js";
import { label, t } from "./words.js";

const box = document.getElementById("advice"),
  list = document.getElementById("cures");
let advice = null,
  mend = () => {};

// `take(field, value)` begins anew with that value.
function setUpAdvice(take) {
  mend = take;
  document.getElementById("advice-close").addEventListener("click", hideAdvice);
}

function showAdvice(found) {
  advice = found;
  box.hidden = false;
  document.getElementById("advice-text").textContent = t(
    "no_progress",
    write(advice.loss ?? Infinity, 3),
    advice.epochs,
  );
  list.replaceChildren(
    ...advice.cures.map(({ cause, field, value, loss, epochs }) => {
      const line = document.createElement("li");
      const button = document.createElement("button");
      const text = t(cause, nameOf(value));
      button.textContent = t("begin_so");
      label(button, `${t("begin_so")}: ${text}`);
      button.addEventListener("click", () => {
        hideAdvice();
        mend(field, value);
      });
      line.append(`${text} ${t("proof", write(loss, 3), epochs)} `, button);
      return line;
    }),
  );
}

function nameOf(value) {
  if (Array.isArray(value)) return value.join("-");
  return typeof value === "string" ? t(value) : value;
}

function hideAdvice() {
  advice = null;
  box.hidden = true;
}

function repeatAdvice() {
  if (advice) showAdvice(advice);
}

export { hideAdvice, repeatAdvice, setUpAdvice, showAdvice };

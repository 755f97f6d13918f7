// What leaves the page: the code, the model, text for the clipboard.

import { t } from "./words.js";

const $ = (id) => document.getElementById(id);

function setUpListing() {
  $("listing-copy").addEventListener("click", async () => {
    $("listing-copy").textContent = t((await copy($("listing-text").textContent)) ? "copied" : "copy");
  });
  $("listing-save").addEventListener("click", () => save("network.py", $("listing-text").textContent, "text/x-python"));
  $("listing-close").addEventListener("click", () => $("listing").close());
  $("listing").addEventListener("close", () => {
    $("listing-copy").textContent = t("copy");
  });
}

function showListing({ text }) {
  $("listing-text").textContent = text;
  $("listing").showModal();
}

function save(name, content, kind) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function saveModel({ arrays, bytes }) {
  save("model.safetensors", arrays.file.slice(0, bytes), "application/octet-stream");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export { copy, saveModel, setUpListing, showListing };

// The page of one trace: its content is in the page, and its steps are filled at once.

setContent(JSON.parse(document.getElementById("content").textContent));
readColours();
for (const article of document.querySelectorAll("article[data-call]")) fillCall(article, Number(article.dataset.call));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaintAll);
// A notebook tells the page in its frame whether it is light or dark.
addEventListener("message", ({ source, data }) => {
  if (source !== parent || !["light", "dark"].includes(data?.glassnetScheme)) return;
  document.documentElement.dataset.scheme = data.glassnetScheme;
  repaintAll();
});

window.glassnet = {
  content,
  explain,
  readsOf,
  element,
  write,
  choose,
  change,
  takeBack,
  rehearse,
  verdictOf,
  roundingBound,
  drawAll: () => document.querySelectorAll("figure[data-call]").forEach(drawFigure),
};

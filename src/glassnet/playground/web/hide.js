// Controls that are left out for a lesson: ?hide=data,loss,code in the address, or &hide=... in what follows #.

const CARDS = ["data", "network", "output"];
let names = [];

// Reads the names and hides what they stand for.
function hideControls() {
  const given = [new URLSearchParams(location.search), new URLSearchParams(location.hash.slice(1))];
  names = given.flatMap((fields) => (fields.get("hide") ?? "").split(",")).filter((name) => /^[\w-]+$/.test(name));
  names = [...new Set(names)];
  const style = document.createElement("style");
  style.textContent = names.map((name) => `${selectors(name)} { display: none !important; }`).join("\n");
  document.head.append(style);
}

function selectors(name) {
  if (CARDS.includes(name)) return `.${name}.card`;
  const field = `[data-field="${name}"]`;
  return `#${CSS.escape(name)}, label:has(#${CSS.escape(name)}), #datasets ${field}, label:has(${field}), .with-button:has(${field})`;
}

// Names that stand for nothing on the page.
function unknownNames() {
  return names.filter((name) => !document.querySelector(selectors(name)));
}

// What is to be kept in the address.
function hiddenNames() {
  return names;
}

export { hiddenNames, hideControls, unknownNames };

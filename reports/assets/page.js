// Everything drawn from data goes through textContent; no text is ever read as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const STEPS = 10;

// What is ranked, by name: words of a text, or patches of an image.
function allUnits() {
  const { many, whole } = data.names;
  return `${many[0].toUpperCase()}${many.slice(1)} of the ${whole}`;
}

function byId(id) {
  return document.getElementById(id);
}

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (key.includes("-") || key === "scope") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function isolated(text) {
  const inside = element("bdi");
  inside.textContent = text;
  return inside;
}

function quoted(text) {
  return element("b", {}, "‘", isolated(text), "’");
}

// The same rules as in notation.py.
function number(value) {
  if (!value) return value === null ? "–" : "0";
  const size = Math.abs(value);
  let written;
  if (size >= 100) written = value.toFixed(0);
  else if (size >= 9.995) written = value.toFixed(1);
  else if (size >= 0.0995) written = value.toFixed(2);
  else if (size >= 0.001) written = String(Number(value.toPrecision(2)));
  else written = value.toExponential(1).replace("e+", "e");
  return written.replaceAll("-", "−");
}

function percent(share) {
  if (share === null) return "–";
  if (share > 0 && share < 0.0005) return "< 0.1%";
  if (share >= 0.9995 && share < 1) return "> 99.9%";
  return `${(100 * share).toFixed(1)}%`.replaceAll("-", "−");
}

function ordinal(rank) {
  const teen = rank % 100 >= 10 && rank % 100 <= 20;
  return rank + ((!teen && { 1: "st", 2: "nd", 3: "rd" }[rank % 10]) || "th");
}

function heatClass(value, top) {
  const level = top > 0 ? Math.round(STEPS * Math.min(1, value / top)) : 0;
  return level > 0 ? `h${level}` : "";
}

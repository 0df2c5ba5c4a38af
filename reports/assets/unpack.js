// Numbers of attention, unpacked from the page: one byte each, deflated, in base64.
async function unpacked(text, shape) {
  if (!("DecompressionStream" in window)) {
    throw new Error("This browser can’t unpack the attention weights (it has no DecompressionStream). Everything else works; a browser from 2023 or later shows them.");
  }
  const packed = atob(text);
  const bytes = Uint8Array.from({ length: packed.length }, (_, index) => packed.charCodeAt(index));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const steps = new Uint8Array(await new Response(stream).arrayBuffer());
  if (steps.length !== shape.reduce((product, size) => product * size, 1)) {
    throw new Error("The attention weights in this file are damaged; make the report again.");
  }
  return steps;
}

// A row of a table of shares, with a bar.
function rankedRow(name, share) {
  const bar = drawn("svg", { width: "100%", height: 10, "aria-hidden": "true" },
    drawn("rect", { width: `${100 * share}%`, height: 10 }));
  return element("tr", {}, element("th", { scope: "row" }, ...name), element("td", {}, bar),
    element("td", { class: "n", textContent: percent(share) }));
}

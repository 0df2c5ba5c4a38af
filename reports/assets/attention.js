// Attention weights, unpacked from the page: one byte a weight, deflated, in base64.
async function readWeights(packed) {
  if (!("DecompressionStream" in window)) {
    throw new Error("This browser can’t unpack the attention weights (it has no DecompressionStream). Everything else works; a browser from 2023 or later shows them.");
  }
  const text = atob(packed.data);
  const bytes = Uint8Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const weights = new Uint8Array(await new Response(stream).arrayBuffer());
  const [layers, heads, queries, keys] = packed.shape;
  if (weights.length !== layers * heads * queries * keys) {
    throw new Error("The attention weights in this file are damaged; make the report again.");
  }
  return {
    row(layer, head, query) {
      const first = ((Math.min(layer, layers - 1) * heads + Math.min(head, heads - 1)) * queries + query) * keys;
      return Array.from(weights.subarray(first, first + keys), (step) => step / packed.levels);
    },
  };
}

function weightText(weight) {
  if (weight > 0) return percent(weight);
  return data.weights.kept === "all" ? `< ${percent(0.5 / data.weights.levels)}` : "small, not kept";
}

// The text coloured by one row of one head's attention.
function attentionView(weights) {
  const readout = byId("attention-readout");
  const query = byId("query");
  const noSink = byId("nosink");
  const sinks = new Set(data.sinks);
  let place = { layer: 0, head: 0 };
  let row = [];

  const chips = data.tokens.map((token, index) => {
    const inside = element("bdi");
    inside.textContent = token;
    query.append(element("option", { value: index, textContent: `${index + 1}. ${token}` }));
    return element("span", { class: "k" }, inside);
  });
  const laidOut = data.picture ? onPicture(chips) : chips.flatMap((chip) => [chip, " "]);
  byId("attention-text").replaceChildren(...laidOut);
  query.value = String(data.position);
  noSink.checked = data.sinkMass > 0.3;

  function scale() {
    const shown = row.filter((_, index) => !(noSink.checked && sinks.has(index)));
    const left = row.reduce((sum, weight) => sum + weight, 0) - shown.reduce((sum, weight) => sum + weight, 0);
    const rest = noSink.checked ? ` The positions left uncoloured have ${percent(left)}.` : "";
    return `The darkest colour is ${percent(Math.max(0, ...shown))} of its attention.${rest}`;
  }
  function say(index) {
    const from = Number(query.value);
    if (index === null) {
      readout.textContent = `Choose a ${data.names.one} to look from it; move over the ${data.names.many}, by pointer or arrow keys, to read their values. ${scale()}`;
    } else if (data.causal && index > from) {
      readout.replaceChildren(quoted(data.tokens[from]), " can’t look at ", quoted(data.tokens[index]), ": it comes later.");
    } else {
      readout.replaceChildren(quoted(data.tokens[from]), " gives ", quoted(data.tokens[index]), ` ${weightText(row[index])} of its attention.`);
    }
  }
  function rank() {
    const order = row.map((_, index) => index).filter((index) => row[index] > 0);
    order.sort((a, b) => row[b] - row[a] || a - b);
    byId("attention-top").replaceChildren(...order.map((index) => {
      const name = element("bdi");
      name.textContent = data.tokens[index];
      const bar = drawn("svg", { width: "100%", height: 10, "aria-hidden": "true" },
        drawn("rect", { width: `${100 * row[index]}%`, height: 10 }));
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, bar),
        element("td", { class: "n", textContent: percent(row[index]) }));
    }));
  }
  function colour() {
    const from = Number(query.value);
    row = weights.row(place.layer, place.head, from);
    const top = Math.max(0, ...row.filter((_, index) => !(noSink.checked && sinks.has(index))));
    chips.forEach((chip, index) => {
      const dull = noSink.checked && sinks.has(index);
      const later = data.causal && index > from;
      chip.className = `k tint ${dull || later ? "special" : heatClass(row[index], top)}`;
    });
    rank();
    say(null);
  }

  const list = listbox(byId("attention-text"), chips, {
    label: "Tokens; choose the one to look from",
    chosen: data.position,
    choose(index) {
      query.value = String(index);
      colour();
    },
    preview: say,
    follow: false,
    above: data.columns,
  });
  query.addEventListener("change", () => {
    list.select(Number(query.value), true);
    colour();
  });
  noSink.addEventListener("change", colour);
  return {
    show(layer, head) {
      place = { layer, head };
      colour();
    },
  };
}

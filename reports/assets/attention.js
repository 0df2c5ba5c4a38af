// Every weight of a head's attention on a text.
async function openAttention() {
  const { shape, levels } = data.weights;
  const [layers, heads, queries, keys] = shape;
  const weights = await unpacked(data.weights.data, shape);
  return attentionView({
    row(layer, head, query) {
      const first = ((Math.min(layer, layers - 1) * heads + Math.min(head, heads - 1)) * queries + query) * keys;
      return Array.from(weights.subarray(first, first + keys), (step) => step / levels);
    },
  });
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
    query.append(element("option", { value: index, textContent: `${index + 1}. ${token}` }));
    return element("span", { class: "k" }, isolated(token));
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
    byId("attention-top").replaceChildren(...order.map((index) => rankedRow([isolated(data.tokens[index])], row[index])));
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

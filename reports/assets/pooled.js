// Attention of a long text: stretches of tokens that look at stretches, and the largest weights of the decision's row.
async function openAttention() {
  const { share, largest, shape } = data.weights;
  return pooledView({ share: await unpacked(share.data, shape), largest: await unpacked(largest.data, shape) });
}

function counted(number) {
  return number.toLocaleString("en-US");
}

function showDecisionRow(layer, head) {
  const { strongest, length } = data.weights;
  const weights = strongest.weights[layer][head];
  const places = strongest.positions[layer][head];
  const some = weights.filter((weight) => weight > 0);
  byId("row-top").replaceChildren(...some.map((weight, rank) => {
    const place = element("span", { class: "place", textContent: ` token ${counted(places[rank] + 1)}` });
    return rankedRow([isolated(data.tokens[places[rank]]), place], weight);
  }));
  const whole = strongest.sums[layer][head];
  const rest = Math.max(0, whole - some.reduce((sum, weight) => sum + weight, 0));
  const sink = whole < 0.9995 ? ` The head’s sink has ${percent(1 - whole)}.` : "";
  byId("row-rest").textContent = some.length
    ? `The other ${counted(length - some.length)} tokens have ${percent(rest)} together.${sink}`
    : "In this layer the decision’s position looks at nothing.";
}

function pooledView(pools) {
  const { shape, levels, rows, size, length } = data.weights;
  const [, heads, count] = shape;
  const readout = byId("attention-readout");
  const query = byId("query");
  const noSink = byId("nosink");
  const map = byId("pooled-map");
  const cursor = drawn("rect", { class: "cursor", x: 0, width: count, height: 1 });
  let place = { layer: 0, head: 0 };
  let row = [];

  const names = data.stretches.map((_, index) => {
    const [first, last] = [index * size + 1, Math.min((index + 1) * size, length)];
    return first === last ? counted(first) : `${counted(first)}–${counted(last)}`;
  });
  const chips = names.map((name, index) => {
    query.append(element("option", { value: index, textContent: `${name}: ${data.stretches[index]}` }));
    return element("span", { class: "k", textContent: name });
  });
  byId("attention-text").replaceChildren(...chips.flatMap((chip) => [chip, " "]));
  const start = Math.floor(data.position / size);
  query.value = String(start);
  noSink.checked = count > 1 && data.sinkMass > 0.3;

  function pool() {
    return byId("pool-largest").checked ? "largest" : "share";
  }
  function cells(from) {
    const first = ((place.layer * heads + place.head) * count + from) * count;
    return Array.from(pools[pool()].subarray(first, first + count), (step) => step / levels);
  }
  function isDull(index) {
    return noSink.checked && index === 0;
  }
  function topOf(values) {
    return Math.max(0, ...values.filter((_, index) => !isDull(index)));
  }
  function written(value) {
    return value > 0 ? percent(value) : `less than ${percent(0.5 / levels)}`;
  }
  function say(index) {
    const from = Number(query.value);
    const single = pool() === "largest";
    if (!rows[place.layer][from]) {
      readout.textContent = `Tokens ${names[from]} look at nothing in this layer.`;
    } else if (index === null) {
      const scale = single ? "a largest single weight of" : "a share of";
      readout.textContent = `Choose a stretch to look from it; move over them, by pointer or arrow keys, to read their values. In this list the darkest colour is ${scale} ${percent(topOf(row))}.${isDull(0) ? ` Tokens ${names[0]}, left uncoloured, have ${written(row[0])}.` : ""}`;
    } else if (data.causal && index > from) {
      readout.textContent = `Tokens ${names[from]} can’t look at tokens ${names[index]}: they come later.`;
    } else if (single) {
      readout.replaceChildren(`The largest single weight from one of tokens ${names[from]} to one of tokens ${names[index]} is ${written(row[index])}. These begin with `, quoted(data.stretches[index]), ".");
    } else {
      readout.replaceChildren(`Tokens ${names[from]} give all tokens ${names[index]} together ${written(row[index])} of their attention, on average. These begin with `, quoted(data.stretches[index]), ".");
    }
  }
  function drawMap() {
    const all = names.map((_, from) => cells(from));
    const top = Math.max(...all.map(topOf));
    const paths = {};
    all.forEach((values, from) => values.forEach((value, to) => {
      const level = isDull(to) ? "" : heatClass(value, top);
      if (level) paths[level] = `${paths[level] || ""}M${to} ${from}h1v1h-1z`;
    }));
    map.replaceChildren(...Object.entries(paths).map(([level, d]) => drawn("path", { class: `tint ${level}`, d })), cursor);
  }
  function colour() {
    const from = Number(query.value);
    row = cells(from);
    const top = topOf(row);
    chips.forEach((chip, index) => {
      chip.className = `k tint ${isDull(index) || (data.causal && index > from) ? "special" : heatClass(row[index], top)}`;
    });
    cursor.setAttribute("y", from);
    const order = row.map((_, index) => index).filter((index) => row[index] > 0);
    order.sort((a, b) => row[b] - row[a] || a - b);
    byId("attention-top").replaceChildren(...order.map((index) => rankedRow([`Tokens ${names[index]} `, isolated(data.stretches[index])], row[index])));
    say(null);
  }
  function all() {
    drawMap();
    colour();
  }

  const list = listbox(byId("attention-text"), chips, {
    label: "Stretches of tokens; choose the one to look from",
    chosen: start,
    choose(index) {
      query.value = String(index);
      colour();
    },
    preview: say,
    follow: false,
  });
  function lookFrom(index) {
    query.value = String(index);
    list.select(index, true);
    colour();
  }
  query.addEventListener("change", () => lookFrom(Number(query.value)));
  noSink.addEventListener("change", all);
  byId("pool").addEventListener("change", all);
  map.addEventListener("click", (event) => {
    const box = map.getBoundingClientRect();
    lookFrom(Math.max(0, Math.min(count - 1, Math.floor(((event.clientY - box.top) / box.height) * count))));
  });
  return {
    show(layer, head) {
      place = { layer, head };
      showDecisionRow(layer, head);
      all();
    },
  };
}

// Attention of a long text: stretches of tokens that look at stretches, and the largest weights of the decision's row.
async function openAttention() {
  const { share, largest, shape } = data.weights;
  const pools = { share: await unpacked(share.data, shape), largest: await unpacked(largest.data, shape) };
  byId("pool").addEventListener("change", () => setChoice({ pool: pool() }));
  whenChosen(({ layer }) => layer !== undefined && showDecisionRow(choice.layer, choice.head));
  return pooledMaps(pools);
}

function pool() {
  return byId("pool-largest").checked ? "largest" : "share";
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

function pooledMaps(pools) {
  const { shape, levels, rows, size, length } = data.weights;
  const [, heads, count] = shape;
  const names = data.stretches.map((_, index) => {
    const [first, last] = [index * size + 1, Math.min((index + 1) * size, length)];
    return first === last ? counted(first) : `${counted(first)}–${counted(last)}`;
  });
  const kind = (name) => data.layers.findIndex((layer) => layer.startsWith(name));
  const edges = {
    sourceEnd: kind("Encoder") < 0 ? count : rows[kind("Encoder")].findLastIndex((tokens) => tokens > 0) + 1,
    targetStart: kind("Decoder") < 0 ? 0 : rows[kind("Decoder")].findIndex((tokens) => tokens > 0),
  };
  const everySpan = data.layers.map((_, layer) => spansOf(layer, count, edges));
  const spans = (layer) => everySpan[layer];

  function written(value) {
    return value > 0 ? percent(value) : `less than ${percent(0.5 / levels)}`;
  }
  return {
    count,
    isOfHeads: true,
    isPooled: true,
    start: Math.floor(data.position / size),
    title: "Stretches of tokens; choose the one to look from",
    above: 1,
    names,
    options: names.map((name, index) => `${name}: ${data.stretches[index]}`),
    spans,
    isSink: (stretch) => count > 1 && stretch === 0,
    called: (stretch) => `tokens ${names[stretch]}`,
    label: (stretch) => [`Tokens ${names[stretch]} `, isolated(data.stretches[stretch])],
    lay: (chips) => chips.flatMap((chip) => [chip, " "]),
    weight(layer, head, query, key) {
      const { queries, keys } = spans(layer);
      const place = ((layer * heads + head) * count + query) * count + key;
      return within(queries, query) && within(keys, key) ? pools[pool()][place] / levels : 0;
    },
    said(query, key, value) {
      const begin = quoted(data.stretches[key]);
      if (!rows[choice.layer][query]) return [`Tokens ${names[query]} look at nothing in this layer.`];
      if (!within(spans(choice.layer).keys, key)) return [`Tokens ${names[query]} don’t look at tokens ${names[key]} in this layer.`];
      if (!canSee(spans(choice.layer), query, key) && !value) return [`Tokens ${names[query]} can’t look at tokens ${names[key]}: they come later.`];
      if (pool() === "largest") return [`The largest single weight from one of tokens ${names[query]} to one of tokens ${names[key]} is ${written(value)}. These begin with `, begin, "."];
      return [`Tokens ${names[query]} give all tokens ${names[key]} together ${written(value)} of their attention, on average. These begin with `, begin, "."];
    },
    hint(top, left, isDull) {
      const scale = pool() === "largest" ? "a largest single weight of" : "a share of";
      const rest = isDull ? ` Tokens ${names[0]}, left uncoloured, have ${written(left)}.` : "";
      const how = "move over them, by pointer or arrow keys, to read their values.";
      const what = choice.direction === "from" ? "to look from it" : "to see which look at it";
      return [`Choose a stretch ${what}; ${how} In this list the darkest colour is ${scale} ${percent(top)}.${rest}`];
    },
  };
}

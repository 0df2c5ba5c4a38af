// Every weight of every head on a text, and the sentences about them.
async function openAttention() {
  const { shape, levels } = data.weights;
  const [layers, heads, count] = shape;
  const weights = await unpacked(data.weights.data, shape);
  const sinks = new Set(data.sinks);
  function stored(layer, head, query, key) {
    return weights[((Math.min(layer, layers - 1) * heads + Math.min(head, heads - 1)) * count + query) * count + key];
  }
  // Where a layer has no row for a position, the file says that it looks at itself; in cross-attention none else does.
  const cross = data.layers.findIndex((name) => name.startsWith("Cross"));
  const target = cross < 0 ? -1 : data.tokens.findIndex((_, index) => stored(cross, 0, index, index) === 0);
  const edges = target > 0 ? { sourceEnd: target, targetStart: target } : { sourceEnd: count, targetStart: 0 };
  const everySpan = data.layers.map((_, layer) => spansOf(layer, count, edges));
  const spans = (layer) => everySpan[layer];

  function weightText(weight) {
    if (weight > 0) return percent(weight);
    return data.weights.kept === "all" ? `< ${percent(0.5 / levels)}` : "small, not kept";
  }
  return {
    count,
    isOfHeads: layers === data.layers.length && heads === data.measures[0].rows[0].length,
    start: data.position,
    title: "Tokens; choose the one to look from",
    above: data.columns,
    names: data.tokens,
    options: data.tokens.map((token, index) => `${index + 1}. ${token}`),
    spans,
    isSink: (position) => sinks.has(position),
    called: (position) => quoted(data.tokens[position]),
    label: (position) => [isolated(data.tokens[position])],
    lay: (chips) => (data.picture ? onPicture(chips) : chips.flatMap((chip) => [chip, " "])),
    weight(layer, head, query, key) {
      const { queries, keys } = spans(layer);
      return within(queries, query) && within(keys, key) ? stored(layer, head, query, key) / levels : 0;
    },
    said(query, key, weight) {
      const [from, to] = [quoted(data.tokens[query]), quoted(data.tokens[key])];
      const { queries, keys } = spans(choice.layer);
      if (!within(queries, query)) return [from, " looks at nothing in this layer."];
      if (!within(keys, key)) return [from, " doesn’t look at ", to, " in this layer."];
      if (!canSee(spans(choice.layer), query, key) && !weight) return [from, " can’t look at ", to, ": it comes later."];
      return [from, " gives ", to, ` ${weightText(weight)} of its attention${choice.mean ? ", on average over the layer’s heads" : ""}.`];
    },
    hint(top, left, isDull) {
      const { one, many } = data.names;
      const rest = isDull ? ` The positions left uncoloured have ${percent(left)}.` : "";
      const how = `move over the ${many}, by pointer or arrow keys, to read their values.`;
      if (choice.direction === "from") return [`Choose a ${one} to look from it; ${how} The darkest colour is ${percent(top)} of its attention.${rest}`];
      return [`Choose a ${one} to see which look at it; ${how} The darkest colour is ${percent(top)} of the attention of the one that looks.`];
    },
  };
}

// Positions that a layer looks from and at: all, or of an encoder-decoder the source or the target.
function spansOf(layer, count, { sourceEnd, targetStart }) {
  const [all, source, target] = [[0, count], [0, sourceEnd], [targetStart, count]];
  return {
    Encoder: { queries: source, keys: source, ahead: true },
    Decoder: { queries: target, keys: target, ahead: false },
    Cross: { queries: target, keys: source, ahead: true },
  }[data.layers[layer].split(" ")[0]] || { queries: all, keys: all, ahead: !data.causal };
}

function within([first, end], position) {
  return position >= first && position < end;
}

function canSee({ queries, keys, ahead }, query, key) {
  return within(queries, query) && within(keys, key) && (ahead || key <= query);
}

// The rows and columns that are shown: of the chosen layer, and of the texts that were chosen to be between.
function shownSpans(maps) {
  const { queries, keys } = maps.spans(choice.layer);
  if (!choice.between) return { rows: queries, columns: keys };
  const [from, to] = choice.between.split(" ").map((part) => [data.parts[part].first, data.parts[part].end]);
  return { rows: common(queries, from), columns: common(keys, to) };
}

function common([first, end], [start, stop]) {
  return [Math.max(first, start), Math.max(first, start, Math.min(end, stop))];
}

// The positions of a span.
function inSpan([first, end]) {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

// The chosen word where it is shown, or else the first that is and that isn't special.
function nearestToken(maps, wanted) {
  const { rows, columns } = shownSpans(maps);
  const span = choice.direction === "from" ? rows : columns;
  if (within(span, wanted)) return wanted;
  return inSpan(span).find((position) => !maps.isSink(position)) ?? span[0];
}

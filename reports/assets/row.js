// The text coloured by one row of the chosen head's map, or by one column: where a word looks, or which look at it.
function startRow(maps) {
  const readout = byId("attention-readout");
  const query = byId("query");
  const noSink = byId("nosink");

  const chips = maps.names.map((name, index) => {
    query.append(element("option", { value: index, textContent: maps.options[index] }));
    return element("span", { class: "k" }, isolated(name));
  });
  byId("attention-text").replaceChildren(...maps.lay(chips));
  noSink.checked = maps.count > 1 && data.sinkMass > 0.3;

  function weightOf(index) {
    return weightShown(maps, ...pairWith(index));
  }
  function isShown(index) {
    const { rows, columns } = shownSpans(maps);
    return within(choice.direction === "from" ? columns : rows, index);
  }
  function isDull(index) {
    return noSink.checked && choice.direction === "from" && maps.isSink(index);
  }
  function weights() {
    return chips.map((_, index) => (isShown(index) ? weightOf(index) : 0));
  }
  function say(index) {
    if (index !== null) {
      readout.replaceChildren(...maps.said(...pairWith(index), weightOf(index)));
      return;
    }
    const { queries } = maps.spans(choice.layer);
    if (choice.direction === "from" && !within(queries, choice.token)) {
      readout.replaceChildren(...maps.said(choice.token, choice.token, 0));
      return;
    }
    const row = weights();
    const left = row.filter((_, place) => isDull(place)).reduce((sum, weight) => sum + weight, 0);
    readout.replaceChildren(...maps.hint(topOf(row), left, row.some((_, place) => isDull(place))));
  }
  function topOf(row) {
    return Math.max(0, ...row.filter((_, index) => !isDull(index)));
  }
  function colour() {
    const row = weights();
    const top = topOf(row);
    chips.forEach((chip, index) => {
      const unseen = !row[index] && !canSee(maps.spans(choice.layer), ...pairWith(index));
      chip.className = `k tint ${isDull(index) || unseen || !isShown(index) ? "special" : heatClass(row[index], top)}`;
    });
    const order = row.map((_, index) => index).filter((index) => row[index] > 0);
    order.sort((a, b) => row[b] - row[a] || a - b);
    byId("attention-top").replaceChildren(...order.map((index) => rankedRow(maps.label(index), row[index])));
    say(null);
  }

  const list = listbox(byId("attention-text"), chips, {
    label: maps.title,
    chosen: choice.token,
    choose: (token) => setChoice({ token }),
    preview: say,
    follow: false,
    above: () => maps.above,
  });
  query.addEventListener("change", () => setChoice({ token: Number(query.value) }));
  noSink.addEventListener("change", () => setChoice({ noSink: noSink.checked }));
  whenChosen(() => {
    query.value = String(choice.token);
    list.select(choice.token, true);
    for (const part of [byId("query-label"), byId("attention-order")]) part.textContent = part.dataset[choice.direction];
    colour();
  });
}

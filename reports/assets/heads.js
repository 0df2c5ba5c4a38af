function startHeads() {
  const cells = [...byId("cells").querySelectorAll(".c")];
  const count = data.measures[0].rows[0].length;
  const grid = byId("grid");
  let wanted = data.position;

  const layerOf = (index) => Math.floor(index / count);
  function nameOf(index) {
    return `${data.layers[layerOf(index)]}, head ${(index % count) + 1}`;
  }
  function textOf(measure, index) {
    const value = measure.rows[layerOf(index)][index % count];
    return measure.share ? percent(value) : number(value);
  }
  function measured() {
    return data.measures[Number(grid.querySelector("[name=grid]:checked").value)];
  }
  function label() {
    const measure = measured();
    cells.forEach((cell, index) => cell.setAttribute("aria-label", `${nameOf(index)}: ${textOf(measure, index)}`));
  }
  function fall(index) {
    const value = data.measures[0].rows[layerOf(index)][index % count];
    if (Math.abs(value) < 0.005) return "Switched off, it leaves the margin as it is.";
    return `Switched off, it makes the margin ${value > 0 ? "fall" : "rise"} by ${number(Math.abs(value))} logits.`;
  }
  function choose(index) {
    byId("head-name").textContent = nameOf(index);
    byId("head-said").textContent = fall(index);
    byId("head-facts").replaceChildren(...data.measures.map((measure) => element("div", {},
      element("dt", { textContent: measure.name }), element("dd", { textContent: textOf(measure, index) }))));
    setChoice({ layer: layerOf(index), head: index % count });
  }
  function besideEachOther() {
    if (!byId("cells").classList.contains("sorted")) return count;
    const tops = [...byId("cells").querySelectorAll(".c")].map((cell) => cell.offsetTop);
    return tops.filter((top) => top === tops[0]).length;
  }
  function fail(error) {
    byId("attention-message").textContent = error.message;
    byId("attention-message").hidden = false;
    byId("head-views").hidden = true;
  }
  function open(maps) {
    wanted = choice.token = maps.start;
    whenChosen((changes) => {
      if ("token" in changes) wanted = changes.token;
      else choice.token = nearestToken(maps, wanted);
    });
    for (const start of [startRow, startMap, startArcs]) start(maps);
    startThumbnails(maps, cells, count);
    startSwitches(maps);
    setChoice({ layer: choice.layer });
    byId("head").dataset.ready = "true";
  }

  cells.forEach((cell, index) => {
    const stack = data.layers[layerOf(index)].split(" ");
    const letter = stack[0] === "Layer" ? "" : stack[0][0];
    cell.append(element("span", { class: "place", textContent: `${letter}${stack[stack.length - 1]}.${(index % count) + 1}` }));
  });
  const sizes = cells.map((_, index) => Math.abs(data.measures[0].rows[layerOf(index)][index % count]));
  const first = sizes.indexOf(Math.max(...sizes));
  const toMap = () => byId("map-box").querySelector("svg").focus();
  listbox(byId("cells"), cells, { label: "Heads", chosen: first, choose, open: toMap, above: besideEachOther });
  grid.addEventListener("change", label);
  startOrder(cells, (index) => measured().rows[layerOf(index)][index % count]);
  label();
  choose(first);
  openAttention().then(open).catch(fail);
}

// Which attention is shown: its direction, one head's or the mean, and where there are several texts, between which.
function startSwitches(maps) {
  const parts = data.parts.map((part, index) => [String(index), part.name]);
  const pairs = parts.flatMap(([from, first]) => parts.map(([to, second]) => element("option", { value: `${from} ${to}`, textContent: `${first} → ${second}` })));
  byId("between").append(...pairs);
  byId("between").addEventListener("change", (event) => setChoice({ between: event.target.value }));
  byId("between-label").hidden = pairs.length < 2;
  byId("mean-label").hidden = !maps.isOfHeads || maps.isPooled;
  byId("mean").addEventListener("change", (event) => setChoice({ mean: event.target.checked }));
  byId("direction").addEventListener("change", (event) => setChoice({ direction: event.target.value }));
  whenChosen(({ direction }) => direction && (byId(`direction-${direction}`).checked = true));
}

function startHeads() {
  const cells = [...byId("cells").querySelectorAll(".c")];
  const count = data.measures[0].rows[0].length;
  const grid = byId("grid");
  let view = null;
  let chosen = 0;

  function nameOf(index) {
    return `${data.layers[Math.floor(index / count)]}, head ${(index % count) + 1}`;
  }
  function valueOf(measure, index) {
    const value = measure.rows[Math.floor(index / count)][index % count];
    return measure.share ? percent(value) : number(value);
  }
  function measured() {
    return data.measures[Number(grid.querySelector("[name=grid]:checked").value)];
  }
  function label() {
    const measure = measured();
    cells.forEach((cell, index) => cell.setAttribute("aria-label", `${nameOf(index)}: ${valueOf(measure, index)}`));
  }
  function fall(index) {
    const value = data.measures[0].rows[Math.floor(index / count)][index % count];
    if (Math.abs(value) < 0.005) return "Switched off, it leaves the margin as it is.";
    return `Switched off, it makes the margin ${value > 0 ? "fall" : "rise"} by ${number(Math.abs(value))} logits.`;
  }
  function choose(index) {
    chosen = index;
    byId("head-name").textContent = nameOf(index);
    byId("head-said").textContent = fall(index);
    byId("head-facts").replaceChildren(...data.measures.map((measure) => element("div", {},
      element("dt", { textContent: measure.name }), element("dd", { textContent: valueOf(measure, index) }))));
    if (view) view.show(Math.floor(index / count), index % count);
  }
  function fail(error) {
    byId("attention-message").textContent = error.message;
    byId("attention-message").hidden = false;
    for (const part of byId("head").querySelectorAll(".controls, .tokens, .readout, .ranked-box, .pooled-part")) part.hidden = true;
  }

  const sizes = cells.map((_, index) => Math.abs(data.measures[0].rows[Math.floor(index / count)][index % count]));
  chosen = sizes.indexOf(Math.max(...sizes));
  listbox(byId("cells"), cells, { label: "Heads", chosen, choose, above: count });
  grid.addEventListener("change", label);
  label();
  choose(chosen);
  openAttention().then((opened) => {
    view = opened;
    choose(chosen);
    byId("head").dataset.ready = "true";
  }).catch(fail);
}

function startRollout() {
  const map = byId("rollout-map");
  const slider = byId("layer");
  const readout = byId("rollout-readout");
  const words = [...byId("rollout-text").querySelectorAll(".w")];
  if (!words.length) return;
  const cursor = drawn("rect", { class: "cursor", width: 1, height: 1 });
  const last = data.rollout[data.rollout.length - 1];
  let word = last.indexOf(Math.max(...last));
  map.append(cursor);

  function layer() {
    return Number(slider.value) - 1;
  }
  function say(index) {
    const share = percent(data.rollout[layer()][index]);
    const all = percent(data.totals[layer()]);
    readout.replaceChildren(
      `After ${data.layers[layer()].toLowerCase()}, `, quoted(data.units[index]), ` accounts for ${share} of what the decision is read from; all ${data.names.many} together, for ${all}.`,
    );
    cursor.setAttribute("x", index);
    cursor.setAttribute("y", layer());
  }
  function colour() {
    const row = data.rollout[layer()];
    const top = Math.max(...row);
    byId("rollout-layer").textContent = data.layers[layer()].toLowerCase();
    words.forEach((span, index) => {
      span.className = `w tint ${heatClass(row[index], top)}`;
    });
    say(word);
  }

  const list = listbox(byId("rollout-text"), words, {
    label: allUnits(),
    above: () => data.columns,
    chosen: word,
    choose(index) {
      word = index;
      say(index);
    },
    preview: (index) => say(index ?? word),
  });
  slider.addEventListener("input", colour);
  map.addEventListener("click", (event) => {
    const box = map.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * words.length);
    const row = Math.floor(((event.clientY - box.top) / box.height) * data.rollout.length);
    slider.value = String(Math.max(0, Math.min(data.rollout.length - 1, row)) + 1);
    list.select(Math.max(0, Math.min(words.length - 1, column)));
    colour();
  });
  colour();
}

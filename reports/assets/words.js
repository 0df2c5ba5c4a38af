// Where the mouse was last moved to. What the page moves under a mouse at rest wasn't pointed at.
let pointed = "";
const place = (event) => `${event.clientX} ${event.clientY}`;
document.addEventListener("pointermove", (event) => (pointed = place(event)));

// A list of things of which one is chosen: one tab stop, arrow keys move, a tap or a click chooses.
// `follow`: moving chooses too. `preview(index)`: the pointer or the focus is on one; null: on none.
// `above()`: how many places further the one below stands. `open`: what Enter does after choosing.
function listbox(box, items, { label, chosen, choose, preview, open, follow = true, above = () => 1 }) {
  let current = chosen;
  let active = Math.max(0, chosen);
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", label);
  items.forEach((item, index) => {
    item.setAttribute("role", "option");
    item.dataset.index = index;
  });

  function mark() {
    items.forEach((item, index) => {
      item.setAttribute("aria-selected", String(index === current));
      item.tabIndex = index === active ? 0 : -1;
    });
  }
  function select(index, quietly = false) {
    current = index;
    active = Math.max(0, index);
    mark();
    if (!quietly) choose(index);
  }
  // Moves through the list as it stands on the page: heads can be in another order.
  function move(steps) {
    const places = [...box.querySelectorAll("[role=option]")];
    const to = places[Number.isFinite(steps) ? places.indexOf(items[active]) + steps : steps < 0 ? 0 : places.length - 1];
    if (!to) return;
    active = Number(to.dataset.index);
    if (follow) select(active);
    else mark();
    to.focus();
  }
  function indexOf(target) {
    const item = target instanceof Element ? target.closest("[role=option]") : null;
    return item && box.contains(item) ? Number(item.dataset.index) : null;
  }

  box.addEventListener("click", (event) => {
    const index = indexOf(event.target);
    if (index === null) return;
    select(index);
    items[index].focus();
  });
  box.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -above(), ArrowDown: above(), Home: -Infinity, End: Infinity };
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in steps) move(steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") {
      select(active);
      if (open && event.key === "Enter") open();
    } else return;
    event.preventDefault();
  });
  if (preview) {
    box.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" && place(event) !== pointed) preview(indexOf(event.target));
    });
    box.addEventListener("pointerleave", () => preview(null));
    box.addEventListener("focusin", (event) => preview(indexOf(event.target)));
    box.addEventListener("focusout", () => preview(null));
  }
  mark();
  return { select };
}

function startWords() {
  const section = byId("words");
  const items = [...byId("text").querySelectorAll(".w")];
  const rows = [...section.querySelectorAll("tr[data-unit]")];
  const readout = byId("word-readout");
  let word = data.maps[0].ranks.indexOf(1);

  function value(map, index, before) {
    return [before, `${number(map.scores[index])}, ${ordinal(map.ranks[index])} of ${data.words}`];
  }
  function show(index) {
    const chosen = Number(section.querySelector("[name=words]:checked").value);
    const others = data.maps.filter((_, place) => place !== chosen);
    const parts = others.map((map) => value(map, index, `${map.method} `).join(""));
    readout.replaceChildren(
      quoted(data.units[index]),
      value(data.maps[chosen], index, ` by ${data.maps[chosen].method}: `).join(""),
      parts.length ? `. Others: ${parts.join("; ")}.` : ".",
    );
  }
  function choose(index) {
    word = index;
    rows.forEach((row) => row.classList.toggle("on", Number(row.dataset.unit) === index));
    show(index);
  }

  if (!items.length) return;
  listbox(byId("text"), items, {
    label: allUnits(),
    above: () => data.columns,
    chosen: word,
    choose,
    preview: (index) => show(index ?? word),
  });
  section.addEventListener("change", () => show(word));
  choose(word);
}

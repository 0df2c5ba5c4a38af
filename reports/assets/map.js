// The whole map of the chosen head: its cells are read and followed by pointer, touch and keys; it can be enlarged.
const LABELLED = 14; // pixels of a cell from which on the words fit beside it
const LARGEST_CELL = 40;
const WIDEST_NAME = 100;

function startMap(maps) {
  const [svg, box, readout] = [byId("map-box").querySelector("svg"), byId("map-box"), byId("map-readout")];
  const line = drawn("rect", { class: "cursor" });
  const here = drawn("rect", { class: "here", width: 1, height: 1 });
  let zoom = 1;
  let rows = [];
  let columns = [];
  let cell = { row: 0, column: 0 };

  function weightAt(row, column) {
    return weightShown(maps, rows[row], columns[column]);
  }
  function say({ row, column }) {
    if (rows.length && columns.length) readout.replaceChildren(...maps.said(rows[row], columns[column], weightAt(row, column)));
  }
  function draw() {
    const { rows: from, columns: to } = shownSpans(maps);
    [rows, columns] = [inSpan(from), inSpan(to)];
    svg.setAttribute("viewBox", `0 0 ${columns.length} ${rows.length}`);
    svg.replaceChildren(...pictureOf(maps, rows, columns), line, here);
    const layer = data.layers[choice.layer].toLowerCase();
    const whose = choice.mean ? `: mean over the heads of ${layer}` : ` of ${layer}, head ${choice.head + 1}`;
    byId("map-name").textContent = `The whole map${maps.isOfHeads ? whose : ""}`;
    nameSides();
  }
  function nameSides() {
    const side = (positions, chosen) => positions.map((position) => element("span", { class: position === chosen ? "on" : "" }, isolated(maps.names[position])));
    byId("map-rows").replaceChildren(...side(rows, choice.direction === "from" ? choice.token : null));
    byId("map-columns").replaceChildren(...side(columns, choice.direction === "to" ? choice.token : null));
  }
  function point() {
    const isFrom = choice.direction === "from";
    const [row, column] = [rows.indexOf(choice.token), columns.indexOf(choice.token)];
    const place = isFrom ? [0, row, columns.length, 1] : [column, 0, 1, rows.length];
    ["x", "y", "width", "height"].forEach((name, index) => line.setAttribute(name, place[index]));
    line.setAttribute("visibility", (isFrom ? row : column) < 0 ? "hidden" : "visible");
    if (isFrom && row >= 0) goTo(row, strongest(columns.map((_, index) => weightAt(row, index))));
    else if (!isFrom && column >= 0) goTo(strongest(rows.map((_, index) => weightAt(index, column))), column);
    else goTo(cell.row, cell.column);
  }
  function strongest(weights) {
    return weights.indexOf(Math.max(...weights));
  }
  function goTo(row, column) {
    const inside = (place, count) => Math.max(0, Math.min(count - 1, place));
    cell = { row: inside(row, rows.length), column: inside(column, columns.length) };
    here.setAttribute("x", cell.column);
    here.setAttribute("y", cell.row);
    say(cell);
  }
  function fit() {
    const room = box.clientWidth;
    const longest = Math.max(...[...rows, ...columns].map((position) => maps.names[position].length));
    const sides = Math.min(WIDEST_NAME, 14 + 7 * longest);
    const most = Math.min(LARGEST_CELL, zoom === 1 ? 28 : LARGEST_CELL);
    let size = ((room - sides) / columns.length) * zoom;
    const isLabelled = size >= LABELLED;
    if (!isLabelled) size = (room / columns.length) * zoom;
    size = Math.min(most, size);
    box.classList.toggle("labelled", isLabelled);
    box.style.setProperty("--cell", `${size}px`);
    box.style.setProperty("--names", `${sides}px`);
    svg.style.width = `${size * columns.length}px`;
    svg.style.height = `${size * rows.length}px`;
    // A button that is disabled would lose the focus.
    byId("map-larger").setAttribute("aria-disabled", String(size >= LARGEST_CELL));
    byId("map-smaller").setAttribute("aria-disabled", String(zoom === 1));
  }
  function enlarge(factor) {
    const button = byId(factor > 1 ? "map-larger" : "map-smaller");
    if (button.getAttribute("aria-disabled") === "true") return;
    zoom = Math.max(1, zoom * factor);
    fit();
    show();
  }
  // Scrolls the box, and nothing else, until the cell is in it.
  function show() {
    const [whole, part] = [box.getBoundingClientRect(), here.getBoundingClientRect()];
    const sides = box.classList.contains("labelled") ? parseFloat(box.style.getPropertyValue("--names")) : 0;
    for (const [from, to, scroll] of [["left", "right", "scrollLeft"], ["top", "bottom", "scrollTop"]]) {
      if (part[from] < whole[from] + sides) box[scroll] -= whole[from] + sides - part[from];
      else if (part[to] > whole[to] - 16) box[scroll] += part[to] - whole[to] + 16;
    }
  }
  function cellAt(event) {
    const place = svg.getBoundingClientRect();
    const at = (value, size, count) => Math.max(0, Math.min(count - 1, Math.floor((value / size) * count)));
    return {
      row: at(event.clientY - place.top, place.height, rows.length),
      column: at(event.clientX - place.left, place.width, columns.length),
    };
  }
  function choosePoint({ row, column }) {
    setChoice({ token: choice.direction === "from" ? rows[row] : columns[column] });
    goTo(row, column);
  }

  svg.addEventListener("pointermove", (event) => event.pointerType === "mouse" && say(cellAt(event)));
  svg.addEventListener("pointerleave", () => say(cell));
  svg.addEventListener("click", (event) => {
    choosePoint(cellAt(event));
  });
  svg.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -columns.length], End: [0, columns.length] };
    if (event.key in steps) goTo(cell.row + steps[event.key][0], cell.column + steps[event.key][1]);
    else if (event.key === "Enter" || event.key === " ") choosePoint(cell);
    else if (event.key === "+" || event.key === "=") enlarge(2);
    else if (event.key === "-") enlarge(0.5);
    else if (event.key === "Escape") document.querySelector("#cells [aria-selected=true]").focus();
    else return;
    event.preventDefault();
    show();
  });
  byId("map-larger").addEventListener("click", () => enlarge(2));
  byId("map-smaller").addEventListener("click", () => enlarge(0.5));
  new ResizeObserver(() => {
    fit();
    show();
  }).observe(box);
  whenChosen((changes) => {
    if (Object.keys(changes).some((name) => name !== "token" && name !== "direction")) draw();
    else nameSides();
    fit();
    point();
  });
}

// Lines from the words that look to the words that are looked at; the thicker, the more attention.
const MOST_WORDS = 32; // more would be lines over lines: then only the chosen word's are drawn
const MOST_LINES = 12;
const LINE = 26; // pixels from word to word
const THICKEST = 8; // pixels of the strongest line
const THINNEST = 0.02; // pixels; thinner ones aren't drawn

function startArcs(maps) {
  const box = byId("arcs");
  const readout = byId("arcs-readout");
  let sides = {};
  let drawnFor = "";

  function weightOf(query, key) {
    return weightShown(maps, query, key);
  }
  function strongest(positions, weigh) {
    return positions.filter((each) => weigh(each) > 0).sort((a, b) => weigh(b) - weigh(a) || a - b).slice(0, MOST_LINES);
  }
  // The words on both sides: all, or where these are many, the chosen one and those that it has the strongest lines with.
  function wordsOf({ rows, columns }) {
    const [from, to] = [inSpan(rows), inSpan(columns)];
    if (from.length <= MOST_WORDS && to.length <= MOST_WORDS) return { from, to };
    const inOrder = (positions) => positions.sort((a, b) => a - b);
    if (choice.direction === "from") return { from: [choice.token], to: inOrder(strongest(to, (key) => weightOf(choice.token, key))) };
    return { from: inOrder(strongest(from, (query) => weightOf(query, choice.token))), to: [choice.token] };
  }
  function say(direction, token) {
    const { rows, columns } = shownSpans(maps);
    const weigh = direction === "from" ? (key) => weightOf(token, key) : (query) => weightOf(query, token);
    const others = strongest(inSpan(direction === "from" ? columns : rows), weigh).slice(0, 3);
    const parts = others.flatMap((other, index) => [index ? ", " : " ", maps.called(other), ` ${percent(weigh(other))}`]);
    readout.replaceChildren(
      direction === "from" ? "Looked at most by " : "Looking most at ", maps.called(token), ":", ...(parts.length ? parts : [" none"]), ".");
  }
  function build(words) {
    const list = (direction) => {
      const items = words[direction].map((position) => element("span", { class: "k" }, isolated(maps.names[position])));
      const side = element("div", { class: "arcs-side" }, ...items);
      const label = direction === "from" ? "Those that look" : "Those that are looked at";
      const { select } = listbox(side, items, {
        label,
        chosen: -1,
        choose: (index) => setChoice({ direction, token: words[direction][index] }),
        preview: (index) => (index === null ? emphasise(choice.direction, choice.token) : emphasise(direction, words[direction][index])),
        follow: false,
      });
      return { side, select };
    };
    const height = LINE * Math.max(words.from.length, words.to.length, 1);
    const svg = drawn("svg", { class: "arcs-lines", viewBox: `0 0 100 ${height}`, height, width: "100%", preserveAspectRatio: "none", "aria-hidden": "true" });
    const kept = box.contains(document.activeElement);
    sides = { from: list("from"), to: list("to"), svg, words };
    box.replaceChildren(sides.from.side, svg, sides.to.side);
    if (kept) sides[choice.direction].side.children[words[choice.direction].indexOf(choice.token)]?.focus();
  }
  function drawLines() {
    const { words, svg } = sides;
    const shift = (mine, other) => (LINE * Math.max(0, other.length - mine.length)) / 2;
    const [left, right] = [shift(words.from, words.to), shift(words.to, words.from)];
    sides.from.side.style.paddingTop = `${left}px`;
    sides.to.side.style.paddingTop = `${right}px`;
    const lines = [];
    const top = Math.max(0, ...words.from.flatMap((query) => words.to.map((key) => weightOf(query, key))));
    byId("arcs-top").textContent = percent(top);
    words.from.forEach((query, row) => words.to.forEach((key, column) => {
      const width = top && (THICKEST * weightOf(query, key)) / top;
      if (width < THINNEST) return;
      const [start, end] = [left + LINE * (row + 0.5), right + LINE * (column + 0.5)];
      lines.push(drawn("path", { class: "arc", d: `M0 ${start}C50 ${start} 50 ${end} 100 ${end}`, "stroke-width": width.toFixed(2), "data-query": query, "data-key": key }));
    }));
    svg.replaceChildren(...lines);
  }
  function emphasise(direction, token) {
    const name = direction === "from" ? "query" : "key";
    for (const line of sides.svg.children) line.classList.toggle("on", Number(line.dataset[name]) === token);
    say(direction, token);
  }

  whenChosen(() => {
    const words = wordsOf(shownSpans(maps));
    const key = JSON.stringify(words);
    if (key !== drawnFor) build(words);
    drawnFor = key;
    drawLines();
    for (const direction of ["from", "to"]) {
      sides[direction].select(choice.direction === direction ? words[direction].indexOf(choice.token) : -1, true);
    }
    emphasise(choice.direction, choice.token);
  });
}

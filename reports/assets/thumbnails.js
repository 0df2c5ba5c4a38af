// A small map in the square of each head. Where several words share a pixel it shows the largest weight.
const MOST_PIXELS = 64;
const UNSEEN = -1;
const LEFT_OUT = 2; // more than any weight

function startThumbnails(maps, cells, heads) {
  if (!maps.isOfHeads) return;
  const pictures = cells.map((cell) => {
    const picture = element("canvas", { "aria-hidden": "true" });
    cell.prepend(picture);
    return picture;
  });
  let round = 0;
  byId("cells").classList.add("mapped");
  byId("maps-said").hidden = false;

  function colour(name) {
    const brush = document.createElement("canvas").getContext("2d");
    brush.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    return [1, 3, 5].map((start) => parseInt(brush.fillStyle.slice(start, start + 2), 16));
  }
  function paint(picture, layer, head, colours) {
    const spans = maps.spans(layer);
    const [rows, columns] = [inSpan(spans.queries), inSpan(spans.keys)];
    const [height, width] = [rows.length, columns.length].map((count) => Math.max(1, Math.min(count, MOST_PIXELS)));
    const largest = new Float64Array(height * width).fill(UNSEEN);
    const isDull = columns.map((column) => byId("nosink").checked && maps.isSink(column));
    rows.forEach((query, row) => columns.forEach((key, column) => {
      const weight = maps.weight(layer, head, query, key);
      if (!weight && !canSee(spans, query, key)) return;
      const pixel = Math.floor((row * height) / rows.length) * width + Math.floor((column * width) / columns.length);
      const before = largest[pixel];
      if (!isDull[column]) largest[pixel] = Math.max(before === LEFT_OUT ? 0 : before, weight);
      else if (before === UNSEEN) largest[pixel] = LEFT_OUT;
    }));
    const top = Math.max(...largest.filter((weight) => weight !== LEFT_OUT));
    Object.assign(picture, { width, height });
    const image = new ImageData(width, height);
    largest.forEach((weight, pixel) => {
      if (weight === UNSEEN) return;
      const share = top > 0 ? Math.min(1, weight / top) : 0;
      const mixed = weight === LEFT_OUT ? colours.dull : colours.none.map((none, index) => Math.round(none + (colours.most[index] - none) * share));
      image.data.set([...mixed, 255], 4 * pixel);
    });
    picture.getContext("2d").putImageData(image, 0, 0);
  }
  function paintLayer(layer, colours) {
    for (let head = 0; head < heads; head += 1) paint(pictures[layer * heads + head], layer, head, colours);
  }
  function currentColours() {
    return { none: colour("--paper"), most: colour("--attention"), dull: colour("--chance") };
  }
  // One layer a frame, so that the page answers meanwhile; what is asked for later takes the place of what is under way.
  async function paintAll() {
    round += 1;
    const mine = round;
    for (const layer of data.layers.keys()) {
      await new Promise(requestAnimationFrame);
      if (mine !== round) return;
      paintLayer(layer, currentColours());
    }
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintAll);
  matchMedia("print").addEventListener("change", () => [...data.layers.keys()].forEach((layer) => paintLayer(layer, currentColours())));
  whenChosen((changes) => ("noSink" in changes || "pool" in changes) && paintAll());
  paintAll();
}

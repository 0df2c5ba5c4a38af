// The picture of a map, and its key: a row for each word that looks, a column for each that is looked at.
function pictureOf(maps, rows, columns) {
  const isDull = columns.map((column) => byId("nosink").checked && maps.isSink(column));
  const values = rows.map((query) => columns.map((key) => weightShown(maps, query, key)));
  const top = Math.max(0, ...values.map((row) => Math.max(0, ...row.filter((_, column) => !isDull[column]))));
  const paths = {};
  values.forEach((row, y) => row.forEach((value, x) => {
    const level = isDull[x] ? "" : heatClass(value, top);
    if (level) (paths[level] ||= []).push(`M${x} ${y}h1v1h-1z`);
  }));
  const spans = maps.spans(choice.layer);
  const seen = rows.map((query, y) => {
    const width = columns.filter((key) => canSee(spans, query, key)).length;
    return drawn("rect", { class: "seen", x: 0, y, width, height: 1 });
  });
  const dull = columns.map((_, x) => drawn("rect", { class: "dull", x, y: 0, width: 1, height: rows.length })).filter((_, x) => isDull[x]);
  const heat = Object.entries(paths).map(([level, parts]) => drawn("path", { class: `tint ${level}`, d: parts.join("") }));
  byId("map-key-top").textContent = percent(top);
  byId("map-key-unseen").hidden = spans.ahead;
  byId("map-key-dull").hidden = !dull.length;
  return [...seen, ...dull, ...heat];
}

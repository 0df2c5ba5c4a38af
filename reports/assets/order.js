// The order of the heads: by place, or by the measure that colours them; signed ones by size.
function startOrder(cells, valueOf) {
  const box = byId("cells");
  const lines = [...box.querySelectorAll(".row")];
  const kind = () => byId("order").querySelector(":checked").value;

  function sort() {
    const isSorted = kind() !== "place";
    box.classList.toggle("sorted", isSorted);
    if (!isSorted) {
      cells.forEach((cell) => lines[Number(cell.dataset.layer)].append(cell));
      return;
    }
    const size = cells.map((_, index) => Math.abs(valueOf(index) ?? 0));
    const order = cells.map((_, index) => index).sort((a, b) => size[b] - size[a] || a - b);
    if (kind() === "smallest") order.reverse();
    lines[0].append(...order.map((index) => cells[index]));
  }
  byId("grid").addEventListener("change", sort);
}

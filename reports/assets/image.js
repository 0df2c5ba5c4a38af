// The picture with a chip over each patch; chips of positions that are no patch come first, in a line.
function onPicture(chips) {
  const front = chips.length - data.units.length;
  const picture = element("div", { class: "over" }, document.querySelector(".over > img").cloneNode(), ...chips.slice(front));
  if (front === 0) return [picture];
  return [element("div", { class: "special-chips" }, ...chips.slice(0, front).flatMap((chip) => [chip, " "])), picture];
}

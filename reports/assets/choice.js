// What the section about heads shows: one head, one word and one direction. Every view follows this one choice.
// `mean`: not the head itself but the mean over its layer's; `between`: the numbers of two texts, or "" for all.
const choice = { layer: 0, head: 0, token: 0, direction: "from", mean: false, between: "" };
const followers = [];

// Calls `follow(changes)` after every change.
function whenChosen(follow) {
  followers.push(follow);
}

function setChoice(changes) {
  Object.assign(choice, changes);
  followers.forEach((follow) => follow(changes));
}

// What is shown of the weight between two positions.
function weightShown(maps, query, key) {
  if (!choice.mean) return maps.weight(choice.layer, choice.head, query, key);
  const heads = data.measures[0].rows[0].length;
  let sum = 0;
  for (let head = 0; head < heads; head += 1) sum += maps.weight(choice.layer, head, query, key);
  return sum / heads;
}

// The query and the key of a weight between the chosen word and another.
function pairWith(other) {
  return choice.direction === "from" ? [choice.token, other] : [other, choice.token];
}

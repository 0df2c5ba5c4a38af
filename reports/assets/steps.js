// Buttons and keys that go from token to token; which step is shown is up to the radio buttons and the style sheet.
const choices = [...document.querySelectorAll("[name=step]")];
const before = document.getElementById("before");
const after = document.getElementById("after");
const where = document.getElementById("where");

function current() {
  return choices.findIndex((choice) => choice.checked);
}

function tell() {
  const index = current();
  before.disabled = index === 0;
  after.disabled = index === choices.length - 1;
  const parts = [...choices[index].nextElementSibling.querySelectorAll("bdi, .unseen")];
  where.textContent = `Token ${index + 1} of ${choices.length}: ${parts.map((part) => part.textContent).join("")}`;
}

function move(by) {
  const chosen = choices[current() + by];
  if (!chosen) return;
  chosen.checked = true;
  tell();
}

for (const part of document.querySelectorAll(".needs-script")) part.hidden = false;
before.addEventListener("click", () => move(-1));
after.addEventListener("click", () => move(1));
document.addEventListener("change", tell);
document.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  const elsewhere = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
  if (elsewhere || event.target !== document.body || !(event.key in steps)) return;
  event.preventDefault();
  move(steps[event.key]);
});
tell();

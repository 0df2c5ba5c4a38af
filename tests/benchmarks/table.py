"""The table as Markdown."""

from collections.abc import Sequence

from .lines import Line

HEADINGS = ("key", "work", "ours", "against", "ratio", "aim", "agreement")
NOTES = """\
Times are medians of runs after one that warms up, and what takes more than half a minute runs once; loading is not in
them. Peak memory is that of a process while it works, with its model.

- **plain loop**: `model(input_ids).logits[:, -1]` once for each head, with a hook in front of the output projection.
- **lean loop**: the same by this project's hooks, with scores of the last position only: with a vocabulary of 49,152,
  those of all 128 positions are a fifth of a pass of SmolLM2.
- **peak**: operations are those of the matrix products that the sweep runs, as torch counts them.
- **record**, **long**: answers are compared to the last bit. Long texts are random tokens, and the
  plain pass keeps no attention; `output_attentions=True` would keep layers x heads x tokens² numbers.
- **faith**: the same two numbers of the same maps. Sentences are those whose words are one token each, since ferret
  ranks tokens and this project words. ferret is asked for the budgets of this project (1, 5, 10, 20 and 50 % of the
  words; by default it takes 10, 20, ... 100 %, rounded down) and to put masks in the place of words (by default it
  deletes them); scores are moved above zero (it ranks no others). It turns ids into text and that into ids again for
  each input. Our side asks `subject.erase` for these inputs and no others; `faithfulness`, in the last line, measures
  100 random orders and ten more points of each map's curve besides.
- **loo**: captum has no deletion; its features are words that are there or not, and inputs are padded on the right.
  Scores of all positions are what a model gives; "lean" asks for those of the last only, as our side does.
- **ig**: with a classifier captum starts from the same text of masks and has the same points (Gauss-Legendre). inseq
  explains a logit and not a margin, from a start of its own, so that only times are compared.
"""


def render(lines: Sequence[Line], about: Sequence[str]) -> str:
    """A page: what ran where, the table, and what to know when reading it."""
    rows = [(line.key, line.work, line.ours, line.against, line.ratio, line.aim, line.agreement) for line in lines]
    table = [HEADINGS, ("---",) * len(HEADINGS), *rows]
    parts = ["# How fast", "\n".join(f"- {line}" for line in about), "\n".join(map(_row, table)), NOTES]
    return "\n\n".join(parts)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"

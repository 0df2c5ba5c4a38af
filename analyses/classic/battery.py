"""Published tests of one decision, all run on the same decision row."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import TypedDict

from analyses.classic.adversarial_attention import adversarial_attention
from analyses.classic.effective_attention import effective_attention
from analyses.classic.faithfulness_violation import faithfulness_violation
from analyses.classic.jain_wallace import jain_wallace
from analyses.classic.probability_effects import without_each_unit
from analyses.classic.serrano_smith import serrano_smith
from analyses.classic.uniform import uniform_attention
from analyses.export.json_schema import Correlation, Share, written_as
from analyses.results.result import Result
from analyses.results.wording import number
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import read_row
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame

RANKINGS = ("attention", "gradient", "attention x gradient", "ascending attention")


@dataclass(frozen=True, repr=False)
class ClassicTests(Result):
    """Results of the published tests on one decision: plain numbers, none of them a verdict.

    An undefined number is NaN, an undefined truth value `None`.

    Attributes:
        words: Units of the text.
        tokens: Tokens of those units.
        eraser: How words were taken out: "delete" or "mask".
        attention_gradient: Jain and Wallace: Kendall's tau-b of attention and gradient, from -1 to 1.
        attention_leave_one_out: Kendall's tau-b of attention and leave-one-out.
        gradient_leave_one_out: Kendall's tau-b of gradient and leave-one-out.
        permutation: Median change of a label's probability under permutations of the weights, in [0, 1].
        max_attention: Largest share of one word in the attention on words, in [0, 1].
        conicity: Mean cosine between words' value vectors and their mean, in [-1, 1].
        divergence: Jensen-Shannon divergence of the most different attention that keeps the answer, in nats.
        feasible: Number of restarts of that search that kept the answer.
        restarts: Number of restarts.
        top_flips: Serrano and Smith: whether zeroing the largest weight changes the predicted label.
        other_flips: Whether zeroing a random other weight does.
        divergence_difference: JS divergence from zeroing the largest weight minus that from zeroing the other, in nats.
        weight_difference: Largest weight minus the other.
        removed: Share of weights zeroed, by each order of `RANKINGS`, until the predicted label changes; NaN: never.
        random: The same for each random order.
        uniform_margin_change: Margin with equal weights minus that of the text, in logits.
        uniform_probability_change: The same for the target's probability.
        uniform_flips: Whether equal weights change the predicted label.
        violated: Liu et al.: whether the target's probability rises when each ranking's first word is removed.
        identifiability: Brunner et al.: each head's share of the squared weights that reaches what it writes.
        is_identifiable: Whether each head's output determines its weights.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = classic_tests(subject, example, decision, adversary_steps=10)
        >>> found.words, round(found.max_attention, 2), found.uniform_flips
        (7, 0.46, False)
    """

    words: int
    tokens: int
    eraser: str
    attention_gradient: float
    attention_leave_one_out: float
    gradient_leave_one_out: float
    permutation: float
    max_attention: float
    conicity: float
    divergence: float
    feasible: int
    restarts: int
    top_flips: bool | None
    other_flips: bool | None
    divergence_difference: float
    weight_difference: float
    removed: dict[str, float]
    random: tuple[float, ...]
    uniform_margin_change: float
    uniform_probability_change: float
    uniform_flips: bool
    violated: dict[str, bool]
    identifiability: tuple[float, ...]
    is_identifiable: tuple[bool, ...]

    def summary(self) -> list[str]:
        """Returns the numbers that the papers quote."""
        return [
            f"ClassicTests of {self.words} words, {self.tokens} tokens ({self.eraser})",
            f"Kendall's tau-b: attention and gradient {number(self.attention_gradient)}, attention and leave-one-out "
            f"{number(self.attention_leave_one_out)}",
            f"other attention with the same answer: divergence {number(self.divergence)} nats "
            f"({self.feasible} of {self.restarts} searches)",
            f"permuted weights change a probability by {number(self.permutation)}; equal weights the margin by "
            f"{number(self.uniform_margin_change)} logits",
            f"share of weights zeroed until the answer changes: attention {number(self.removed['attention'])}, "
            f"attention x gradient {number(self.removed['attention x gradient'])}",
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each number: the test, of what (a ranking, a head or a draw), and the value.

        Truth values are 0 or 1, and NaN where undefined.
        """
        import pandas

        rows: list[tuple[str, str, float]] = []
        for name, value in asdict(self).items():
            several = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, tuple) else {}
            if not isinstance(value, str | dict | tuple):
                rows.append((name, "", math.nan if value is None else float(value)))
            rows += [(name, str(which), float(each)) for which, each in several.items()]
        return pandas.DataFrame(rows, columns=["test", "of", "value"])

    def to_dict(self) -> "ClassicDict":
        """Returns plain values for JSON, with `None` for NaN."""
        plain: ClassicDict = _each_number(asdict(self), lambda value: None if _is_nan(value) else value)
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ClassicTests":
        """Restores the tests from `to_dict`, also after JSON."""
        plain = _each_number(dict(values), lambda value: math.nan if value is None else value)
        flips = {name: values[name] for name in ("top_flips", "other_flips")}
        lists = {name: tuple(plain[name]) for name in ("random", "identifiability", "is_identifiable")}
        return cls(**{**plain, **flips, **lists})


@written_as(ClassicTests)
class ClassicDict(TypedDict):
    """Published tests of one decision, in a document; null is undefined, and none of them is in the verdict."""

    words: int
    tokens: int
    eraser: str
    attention_gradient: Correlation | None
    attention_leave_one_out: Correlation | None
    gradient_leave_one_out: Correlation | None
    permutation: Share
    max_attention: Share | None
    conicity: Correlation | None
    divergence: float | None
    feasible: int
    restarts: int
    top_flips: bool | None
    other_flips: bool | None
    divergence_difference: float | None
    weight_difference: float | None
    removed: dict[str, Share | None]
    random: list[Share | None]
    uniform_margin_change: float
    uniform_probability_change: float
    uniform_flips: bool
    violated: dict[str, bool]
    identifiability: list[Share | None]
    is_identifiable: list[bool]


@gradients_on()
def classic_tests(
    subject: Subject,
    example: Example | str,
    decision: Decision | None = None,
    *,
    seed: int = 0,
    eraser: str = "delete",
    adversary_steps: int = 100,
    without: Float[Tensor, "unit label"] | None = None,
) -> ClassicTests:
    """Runs the published per-text tests on the last layer's decision row.

    Args:
        subject: The model.
        example: The text, encoded or not.
        decision: The decision on it; by default the model's own.
        seed: Seed of everything random.
        eraser: How words are taken out of the text: "delete" as in the papers, or "mask".
        adversary_steps: Steps of the search for adversarial attention; the paper takes 500. `adversarial_attention`
            gives the cost of fewer.
        without: Logits of all labels without each unit, by that eraser, if already computed.

    Raises:
        InputError: The text has no words, or the model doesn't allow this eraser.

    Source: each method's file in this folder gives its paper and the departures from it.

    Example:
        >>> subject = interpret.load()
        >>> found = classic_tests(subject, "Slow at first, then wonderful.", adversary_steps=10)
        >>> round(found.attention_gradient, 2)  # Kendall's tau of attention and gradient
        0.05
        >>> round(found.uniform_margin_change, 2)  # the margin moves by this many logits if all weights are equal
        0.21
    """
    subject, example, decision = subject.asked(example, decision)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    content = Content.of([example])
    tokens = int(content.tokens.sum())
    answers = without_each_unit(row, example, eraser=eraser) if without is None else without.double().softmax(-1)
    compared = jain_wallace(row, content, answers, seed=seed)
    searched = adversarial_attention(row, content, steps=adversary_steps, seed=seed)
    zeroed = serrano_smith(row, content, seed=seed) if tokens > 1 else None  # one weight by itself says nothing
    even = uniform_attention(row, content)
    effective = effective_attention(row.weights[0], row.values[0])
    return ClassicTests(
        words=len(example.units),
        tokens=tokens,
        eraser=eraser,
        attention_gradient=compared.attention_gradient,
        attention_leave_one_out=compared.attention_leave_one_out,
        gradient_leave_one_out=compared.gradient_leave_one_out,
        permutation=compared.permutation,
        max_attention=compared.max_attention,
        conicity=compared.conicity,
        divergence=searched.divergence,
        feasible=searched.feasible,
        restarts=searched.restarts,
        top_flips=zeroed.top_flips if zeroed else None,
        other_flips=zeroed.other_flips if zeroed else None,
        divergence_difference=zeroed.divergence_difference if zeroed else math.nan,
        weight_difference=zeroed.weight_difference if zeroed else math.nan,
        removed={name: zeroed.removed[name] if zeroed else math.nan for name in RANKINGS},
        random=zeroed.random if zeroed else (),
        uniform_margin_change=even.margin_change,
        uniform_probability_change=even.probability_change,
        uniform_flips=even.flips,
        violated=faithfulness_violation(row, content, answers).violated,
        identifiability=tuple(effective.identifiability.tolist()),
        is_identifiable=effective.is_identifiable,
    )


def _each_number(value: Any, change: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _each_number(part, change) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_each_number(part, change) for part in value]
    return change(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)

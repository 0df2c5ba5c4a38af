"""One small result of every public type, with labels, and with numbers that are hard to keep: NaN, -0, tiny ones."""

import math
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from saved_models import save_llama

import analyses
import interpret
from analyses.costs.costs_result import MethodCost
from analyses.explanations.faithfulness import Erasure
from analyses.long_range.cells import CutGrid
from analyses.long_range.knockout_result import AskedCut
from analyses.long_range.random_edges import CutEffect
from analyses.ranking.measures import COMPREHENSIVENESS, LDS
from analyses.results.plain_data import Data, equal_tensors
from analyses.results.result import Result
from analyses.sanity.sanity_result import CHECKS, SanityRow
from analyses.statistics import Interval
from analyses.translation.alignment_errors import GoldAlignment
from analyses.verdicts.one_text import TextComponent
from analyses.verdicts.verdict import Component
from interpret.attention.labels import Labels
from interpret.subjects.decision import Scores
from interpret.subjects.inputs.example import Unit

LABELS = Labels(("layer 1", "layer 2"), ("[CLS]", "good", "</script>", "film"))
TEXT = "A gripping, funny and moving film."


def numbers(*shape: int) -> torch.Tensor:
    """Different numbers of every size, both signs, NaN at the end."""
    values = torch.linspace(-1, 1, math.prod(shape)).pow(3)
    values[0], values[-1] = -0.0, math.nan
    return values.view(*shape)


def positive(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def scores(*values: float) -> Scores:
    return Scores(torch.tensor(values), torch.tensor(values).sigmoid())


def erasure(orders: int) -> Erasure:
    each = [scores(*(0.1 * order + step for order in range(orders))) for step in range(3)]
    return Erasure(each[1], each[2], (0, 1, 2), tuple(each))


@cache
def whole() -> "analyses.Analysis":
    """A real analysis by the small model that comes with the package."""
    return analyses.analyze(interpret.load(), TEXT, effort="quick", methods=["saliency", "leave-one-out"])


@cache
def steps() -> "analyses.Steps":
    """Two tokens by a tiny random language model."""
    with TemporaryDirectory() as folder:
        save_llama(Path(folder))
        subject = interpret.load(folder)
        found = analyses.analyze_steps(subject, TEXT, most=2, verdicts=False, methods=["input x gradient"])
        found.to_dict()  # reads the weights' files for their hash, while they are there
    return found


ASKED = AskedCut((0, 1), ((1, 2),), "back", 2, None, ("good",), (), False, 99, 0)


def grid(*columns: str) -> CutGrid:
    shape = (2, len(columns))
    edges = torch.ones(shape, dtype=torch.long)
    return CutGrid(
        ("layer 1", "layer 2"), columns, edges, numbers(*shape), positive(*shape), numbers(*shape).abs(), edges
    )


def look_back(longest: int) -> "analyses.LookBack":
    fall = torch.linspace(0.5, 0, longest + 1)
    return analyses.LookBack("positive", 2.5, fall, fall > 0.4, 0.2, positive(9))


@cache
def reach() -> "analyses.KnockoutReport":
    return analyses.knockout_report(interpret.load(), TEXT, draws=9)


SAMPLES = {
    "Entropy": lambda: analyses.Entropy(numbers(2, 3, 4), positive(2, 3, 4), labels=LABELS),
    "HeadEntropy": lambda: analyses.HeadEntropy(numbers(2, 3), positive(2, 3), labels=LABELS),
    "Patterns": lambda: analyses.Patterns(*(numbers(2, 3) for _ in range(7)), labels=LABELS),
    "Received": lambda: analyses.Received(1 + positive(2, 3, 4), positive(2, 3, 4), labels=LABELS),
    "Rollout": lambda: analyses.Rollout(positive(2, 1, 4), 0.5, positive(1, 4), labels=LABELS),
    "Attribution": lambda: analyses.Attribution(
        "saliency", "gradient", True, torch.tensor([0.1, -0.2]), torch.tensor([0.0, 0.1, -0.2, 0.0]),
        {"delta": 1e-7}, words=("good", "</script>"),
    ),
    "EvidenceAgreement": lambda: analyses.EvidenceAgreement(
        ("saliency", "rollout"), (True, False, False), 1, positive(2, 6), positive(6)
    ),
    "Agreement": lambda: analyses.Agreement(("saliency", "rollout"), numbers(2, 2), positive(2)),
    "WeightsAndNorms": lambda: analyses.WeightsAndNorms(positive(2, 2, 3, 2)),
    "CueAlignment": lambda: analyses.CueAlignment(numbers(2, 6, 2, 3, 2)),
    "DepthCorrelations": lambda: analyses.DepthCorrelations(numbers(2, 3, 2, 2)),
    "Faithfulness": lambda: analyses.Faithfulness("mask", (1, 2), ("saliency", "rollout"), erasure(2), erasure(100)),
    "Judged": lambda: analyses.Judged(
        ("saliency", "rollout"), (False, True), (COMPREHENSIVENESS, LDS),
        {"comprehensiveness": torch.tensor([0.5, math.nan]), "LDS": torch.tensor([-0.0, 1e-9])},
        {"comprehensiveness": torch.tensor([-0.5, 0.5]), "LDS": positive(20)}, {"comprehensiveness": 2.5},
        analyses.Faithfulness("mask", (1, 2), ("saliency", "rollout"), erasure(2), erasure(100)), 123,
    ),
    "HeadImportance": lambda: analyses.HeadImportance(numbers(2, 3), "mean", "whole passes", labels=LABELS),
    "HeadGradients": lambda: analyses.HeadGradients(numbers(2, 3), labels=LABELS),
    "WordPairs": lambda: analyses.WordPairs(
        positive(2, 3), positive(2, 3) / 2, -0.25, positive(20), ("a remark",), words=("cat", "sat", "mat"),
        labels=LABELS,
    ),
    "Knockout": lambda: analyses.Knockout(
        "positive", 2.5, ASKED, CutEffect(12, -0.25, True, math.nan, math.nan, 0), grid("1", "2 to 3"), grid("</div>"),
        positive(2, 3), ("layer 1", "layer 2"), remarks=("a remark",),
    ),
    "KnockoutReport": reach,
    "KnockoutDocument": lambda: analyses.KnockoutDocument(reach().to_dict()),
    "LookBack": lambda: look_back(3),
    "RecursiveAttribution": lambda: analyses.RecursiveAttribution(
        ("good", "</script>"), (" so", "</div>"), (1, 2), positive(2, 2), positive(2, 2), positive(2)
    ),
    "LookBacks": lambda: analyses.LookBacks(("good", "</script>"), (look_back(3), look_back(5)), seed=1),
    "SanityChecks": lambda: analyses.SanityChecks(
        (SanityRow("saliency", "gradient", (1.0, -0.25), *[Interval(-0.25, math.nan, 0.5, "BCa", 3, 0)] * 3,
        dict.fromkeys(CHECKS, math.nan)),), ("head", "embeddings"), 3, {"shift": "no </script>"},
    ),
    "MethodCosts": lambda: analyses.MethodCosts(
        (MethodCost("saliency", 0, 1, 2_000, 2.0, 4_096, 0.01), MethodCost("</script>", 3, 0, 0, math.nan, 12, 1e-9)),
        7, 9, MethodCost("plain pass", 1, 0, 1_000, math.nan, 2_048, 0.005), 3, {"shift": "no </script>"},
    ),
    "Alignment": lambda: analyses.Alignment(
        ("the", "cat"), ("die", "Katze"), ((0,), (1,)), ("cross 1",), positive(1, 2, 3, 2), positive(1, 3, 2),
        GoldAlignment(frozenset({(0, 0), (1, 1)}), frozenset({(0, 0), (1, 1), (0, 1)})),
    ),
    "WordHeatMaps": lambda: analyses.WordHeatMaps(
        "a cat", (Unit("a", (1,), 0, 1), Unit("cat", (2, 3), 2, 5)), positive(2, 4, 6),
        (255 * positive(4, 6, 3)).to(torch.uint8), maps=4, steps=2,
    ),
    "ClassicTests": lambda: whole().classic,
    "OneTextVerdict": lambda: analyses.OneTextVerdict(
        "not supported", ("the weights do nothing",), (TextComponent("use", 0.01, None, "fails"),
        TextComponent("rank", math.nan, 0.5, "open", "it is undefined")), (1,), 0.25, 1.5, ("use",),
    ),
    "Verdict": lambda: analyses.Verdict(
        "inconclusive", ("rank is open",), (Component("rank", 0.2, 0.1, math.inf, 0.4, 3, "open", "doubt"),), (), 0.0,
        1.5, 60, None, ("rank",),
    ),
    "Plan": lambda: analyses.Plan(12.5, 3.25, 2**31, 2**33, 2048),
    "Analysis": whole,
    "AnalysisDocument": lambda: analyses.AnalysisDocument(whole().to_dict()),
    "Steps": steps,
    "StepsDocument": lambda: analyses.StepsDocument(steps().to_dict()),
    "StudyDocument": lambda: analyses.StudyDocument(
        {"schema": "interpret-attention/study/3", "verdict": {
            "answer": "supported", "because": [], "examples": 60, "components": [
                {"name": "use", "mean": 0.5, "low": 0.4, "high": None, "side": "holds"}]}}
    ),
}  # fmt: skip


def same(one: Result, other: Result) -> bool:
    """Whether two results have one type and equal content: numbers bit for bit, shapes, dtypes, NaN and texts."""
    if type(one) is not type(other):
        return False
    first, second = Data.of(one.to_save()), Data.of(other.to_save())
    return (
        first.tree == second.tree
        and list(first.tensors) == list(second.tensors)
        and all(equal_tensors(first.tensors[name], second.tensors[name]) for name in first.tensors)
    )

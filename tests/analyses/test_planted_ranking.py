"""The ranking on planted models, whose truth is known: the faithful map comes first, a planted decoy last."""

from collections.abc import Iterator

import pytest

from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attribution import Attribution
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.explanations.methods import chosen_methods, register, unregister
from analyses.studies.explanation_columns import explain_texts, explanation_columns
from analyses.studies.ranking.schema import RankingDict
from analyses.studies.ranking.summary import ranking_of_study
from interpret.native.planted import plant

TEXTS, LENGTH = 16, 12


@pytest.fixture(autouse=True)
def decoy() -> Iterator[None]:
    """A method that puts last what attention puts first."""

    @register("decoy", about="The reverse of last-layer attention.", gradient_passes=0)
    def reverse(subject, example, decision, shared):  # type: ignore[no-untyped-def]
        scores = -last_layer_attention(shared.attention, example, decision).scores
        return Attribution.from_scores("decoy", example, scores)

    yield
    unregister("decoy")


def ranked(family: str) -> RankingDict:
    model = plant(family, seed=7, layers=2, heads=2, norm="post")
    subject, methods = model.subject(), chosen_methods(["saliency", "decoy"])
    records = []
    for row, text in enumerate(model.texts(TEXTS, seed=7, length=LENGTH)):
        example = subject.encode(text)
        decision = subject.decide(example)
        effects = leave_one_out(subject, example, decision, eraser="delete").scores.abs()
        (one,) = explain_texts(subject, [example], [decision], ranked=methods, evidence=None, seeds=[row])
        found = explanation_columns(one, ranked=methods, evidence=None, row=row, effects=effects, seed=row)
        records.append({"words": len(example.units), **found})
    ranking = ranking_of_study(records, None, seed=0)
    assert ranking is not None
    return ranking


def test_the_faithful_map_is_first_and_the_decoy_last() -> None:
    found = ranked("F1")  # attention grows with the size of a word's evidence
    means = {each["name"]: each["means"]["faithfulness"]["mean"] for each in found["methods"]}
    assert list(means) == ["last-layer attention", "saliency", "random orders", "decoy"], means
    best, second, chance, last = (mean or 0.0 for mean in means.values())
    assert best > second + 0.02 and best > 0.5 and chance == pytest.approx(0, abs=1e-6) and last < -0.1
    assert found["methods"][0]["worse"]["mean"] == 0

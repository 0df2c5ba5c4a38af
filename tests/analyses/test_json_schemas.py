"""Documents are what their published JSON Schemas say, and the schemas are those of the declared types.

After a change of a type, `python tests/analyses/test_json_schemas.py` writes the schemas anew.
"""

import copy
import json
from importlib.resources import files
from typing import Annotated, Literal, NotRequired

import pytest
from images_for_tests import save_red_patch, sees_red
from jsonschema import Draft202012Validator, ValidationError
from saved_models import byte_pairs, random_model, save_tokenizer
from translators_for_tests import save_translator
from typing_extensions import TypedDict

import interpret
from analyses import analyze, analyze_steps, knockout, look_back
from analyses.calibration.calibrate import CalibrationPlan
from analyses.calibration.judging import judged
from analyses.calibration.schema import CalibrationDict
from analyses.calibration.tables import tabulate
from analyses.data_sets.rows import read_rows
from analyses.decision.schema import AnalysisDict
from analyses.export.json_schema import Between, field_meanings, json_schema, written_as
from analyses.generation.schema import StepsDict
from analyses.long_range.conversion import knockout_to_dict
from analyses.long_range.schema import KnockoutDict
from analyses.studies.prepared import prepare
from analyses.studies.schema import StudyDict
from analyses.studies.study import study
from analyses.translation.alignment import alignment

SCHEMAS = {
    ("analyses.decision", "analysis.schema.json"): AnalysisDict,
    ("analyses.generation", "steps.schema.json"): StepsDict,
    ("analyses.studies", "study.schema.json"): StudyDict,
    ("analyses.calibration", "calibration.schema.json"): CalibrationDict,
    ("analyses.long_range", "knockout.schema.json"): KnockoutDict,
}
ROWS = [
    "a gripping , funny and moving film", "dull and slow , without a plot at all", "the cast is warm and very clever",
    "not a good film , for it never ends", "a tender and beautiful picture of a family", "the worst of all this year",
]  # fmt: skip


def written(document):
    return json.dumps(json_schema(document), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(("place", "document"), SCHEMAS.items())
def test_published_schemas_are_those_of_the_types(place, document):
    folder, name = place
    Draft202012Validator.check_schema(json_schema(document))
    assert (files(folder) / name).read_text("utf-8") == written(document), f"run python {__file__}"


def require_valid(document, kind):
    """Raises unless every field is declared, and as it is declared."""
    Draft202012Validator(json_schema(kind, closed=True)).validate(json.loads(json.dumps(document, allow_nan=False)))


@pytest.fixture(scope="module")
def shipped():
    return interpret.load()


@pytest.fixture(scope="module")
def analysed(shipped):
    return analyze(shipped, "A gripping, funny and moving film.", effort="quick")


def test_an_analysis_of_a_text(shipped, analysed):
    require_valid(analysed.to_dict("interpret analyze"), AnalysisDict)
    require_valid(analyze(shipped, "Good.", effort="quick").to_dict(), AnalysisDict)  # nearly all of it is undefined


def test_an_analysis_of_two_texts(bert):
    found = analyze(bert, "The cat sat.", "The mat was warm and dry.", effort="quick").to_dict()
    assert [part["name"] for part in found["parts"]] == ["text", "second text"]
    require_valid(found, AnalysisDict)


def test_an_analysis_of_an_image(tmp_path):
    image = save_red_patch(tmp_path / "red.png", 1, 2)
    found = analyze(sees_red(), str(image), effort="quick").to_dict()
    assert found["image"] is not None and found["unit_kind"] == "patch"
    require_valid(found, AnalysisDict)


def test_a_long_text_has_tiles(shipped, monkeypatch):
    monkeypatch.setattr("analyses.decision.kept_attention.WHOLE", 1)
    found = analyze(shipped, "A gripping, funny and moving film.", effort="quick").to_dict()
    assert found["attention"]["weights"]["encoding"] == "tiles"
    require_valid(found, AnalysisDict)


def test_a_translation_and_its_tokens(tmp_path):
    save_translator(tmp_path, "marian")
    subject, text, target = interpret.load(tmp_path), "the cat sat on the mat", "die Katze"
    subject.mask_id = 3  # a source without any token can't be read
    aligned = alignment(subject, text, target, gold="0-0 1?1")
    found = analyze(subject, subject.encode(text, target), alignment=aligned, effort="quick").to_dict()
    assert found["alignment"]["gold"] == {"sure": [[0, 0]], "possible": [[0, 0], [1, 1]]}
    assert found["decision"]["kind"] == "target token" and set(found["model"]["layer_kinds"]) > {"cross"}
    require_valid(found, AnalysisDict)
    require_valid(analyze_steps(subject, text, target).to_dict(), StepsDict)


def test_steps_of_a_text(tmp_path):
    random_model("causal", "gpt2", byte_pairs()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, byte_pairs())
    subject = interpret.load(tmp_path)
    for verdicts in (True, False):
        found = analyze_steps(subject, "The cat sat on the mat while", "the rain", verdicts=verdicts).to_dict()
        assert (found["verdict"] is None) != verdicts
        require_valid(found, StepsDict)


@pytest.mark.parametrize(("key", "classic", "methods"), [("row", True, ()), ("rollout", False, ["saliency"])])
def test_a_study(shipped, tmp_path, monkeypatch, key, classic, methods):
    monkeypatch.setattr("analyses.studies.prepared.ADVERSARY_STEPS", 1)
    texts = ROWS[:3] if classic else ROWS
    (tmp_path / "data.tsv").write_text("text\n" + "\n".join(texts) + "\n", encoding="utf-8")
    rows = read_rows(str(tmp_path / "data.tsv"))
    checked = 2 if methods else 0
    prepared = prepare(shipped, rows, object_key=key, classic=classic, methods=methods, sanity=checked)
    require_valid(study(prepared, tmp_path / "study"), StudyDict)


def test_a_knockout(shipped):
    subject, example, decision = shipped.asked("Slow at first.")
    for asked in ({"draws": 9}, {"draws": 9, "heads": [(0, 1)], "distance": (2, None), "to_words": ["first"]}):
        cuts = knockout(subject, example, decision, **asked)
        look = look_back(subject, example, decision, draws=9)
        found = knockout_to_dict(subject, example, decision, cuts, look, "interpret knockout")
        require_valid(found, KnockoutDict)
        assert (found["by_word"]["fall"][0][0] is None) == ("heads" not in asked)  # no edge from a word to itself


def test_a_calibration():
    asked = CalibrationPlan(draws=1, sizes=(3,), families=("F3",))
    records = [judged(job, asked.sizes, asked.seed) for job in asked.jobs()]
    require_valid(tabulate(asked.fingerprint(), records, 1), CalibrationDict)


def test_what_is_not_declared_is_refused(analysed):
    found = analysed.to_dict()

    def changed(change):
        other = copy.deepcopy(found)
        change(other)
        with pytest.raises(ValidationError) as refusal:
            require_valid(other, AnalysisDict)
        return refusal.value.message

    assert changed(lambda each: each.pop("units")) == "'units' is a required property"
    assert changed(lambda each: each["decision"].update(kind="class")).startswith("'class' is not one of ['label',")
    assert changed(lambda each: each["decision"].update(probability=1.5)) == "1.5 is greater than the maximum of 1"
    assert changed(lambda each: each["decision"].update(alternatives=[["positive"]])) == "['positive'] is too short"
    assert "('extra' was unexpected)" in changed(lambda each: each["model"].update(extra=1))
    assert changed(lambda each: each["heads"].update(zero=[["0"]])).startswith("'0' is not valid under any of")


class Result:
    """Something.

    Attributes:
        share: A share,
            in words of two lines.
        other: Something else.
    """


@written_as(Result)
class Small(TypedDict):
    """A small document.

    Attributes:
        pair: A name and a number.
        kind: One of two.
    """

    share: Annotated[float, Between(0, 1)] | None
    pair: tuple[str, int]
    kind: NotRequired[Literal["one", "two"]]


class Undescribed(TypedDict):
    """A document without meanings."""

    size: int


class Strange(TypedDict):
    """A document that JSON can't hold.

    Attributes:
        size: A set.
    """

    size: set


def test_a_schema_by_hand():
    assert json_schema(Small) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/Small",
        "$defs": {
            "Small": {
                "type": "object",
                "description": "A small document.",
                "properties": {
                    "share": {
                        "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}],
                        "description": "A share, in words of two lines.",
                    },
                    "pair": {
                        "type": "array",
                        "prefixItems": [{"type": "string"}, {"type": "integer"}],
                        "minItems": 2,
                        "maxItems": 2,
                        "description": "A name and a number.",
                    },
                    "kind": {"enum": ["one", "two"], "description": "One of two."},
                },
                "required": ["share", "pair"],
            }
        },
    }


def test_every_field_has_a_meaning():
    with pytest.raises(TypeError) as refusal:
        field_meanings(Undescribed)
    assert str(refusal.value) == "Undescribed must say what each field means under 'Attributes'; see ['size']"
    with pytest.raises(TypeError) as refusal:
        json_schema(Strange)
    assert str(refusal.value) == (
        "<class 'set'> has no counterpart in JSON; declare fields as str, int, list[...] or a TypedDict"
    )


if __name__ == "__main__":
    for (folder, name), document in SCHEMAS.items():
        (files(folder) / name).write_text(written(document), "utf-8")

"""The whole way on tiny models: what comes out is what the single analyses say, in the documented form."""

import json
import math
import re

import numpy as np
import pytest
import torch
from saved_models import save_bert, save_llama

import interpret
from analyses.attention import pooled_maps
from analyses.attention.encoded_maps import unpack_tiles
from analyses.classic.battery import ClassicTests, classic_tests
from analyses.decision import kept_attention
from analyses.decision.analyze import EFFORTS, analyze
from analyses.decision.schema import AnalysisDict
from analyses.export.encoding import unpack_weights
from analyses.export.json_schema import json_schema
from interpret.attention import call
from interpret.attention.recording import recording
from reports.analysis.page import render

TEXT = "the plot drags but the cast is very warm"


@pytest.fixture(scope="module", params=["bert", "llama"])
def analysis(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    {"bert": save_bert, "llama": save_llama}[request.param](folder)
    return analyze(interpret.load(folder), TEXT, effort="quick", seed=3)


@pytest.fixture(scope="module")
def found(analysis):
    return analysis.to_dict("interpret analyze ...")


DOCUMENTED = set(re.findall(r"[a-z_0-9]+", json.dumps(json_schema(AnalysisDict))))


def names_in(value):
    """Every key of nested dictionaries; those excepted that name methods, packages and the like."""
    if isinstance(value, list):
        return set().union(*map(names_in, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    inner = [names_in(each) for key, each in value.items() if key not in ("notes", "versions", "removed", "violated")]
    return set(value).union(*inner)


def test_every_field_is_written_down(found):
    documented = DOCUMENTED
    assert names_in(found) <= documented


def test_it_is_plain_json_without_nan(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_weights_are_those_of_the_model(analysis, found):
    ids = analysis.example.ids[None]
    with torch.no_grad(), recording(analysis.subject.model) as kept:
        analysis.subject.logits(ids)
    packed = torch.from_numpy(unpack_weights(found["attention"]["weights"]))
    torch.testing.assert_close(packed, kept.stacked(), atol=1 / 510 + 1e-6, rtol=0)


def test_entropy_counts_visible_keys(analysis, found):
    layers, heads, tokens = analysis.attention.weights.shape[:3]
    share = found["attention"]["entropy"]["share"]
    for layer in range(layers):
        for head in range(heads):
            rows = []
            for query in range(tokens):
                keys = range(query + 1 if analysis.subject.is_causal else tokens)
                row = [float(analysis.attention.weights[layer, head, query, key]) for key in keys]
                if len(row) > 1:
                    rows.append(-sum(a * math.log(a) for a in row if a > 0) / math.log(len(row)))
            assert share[layer][head] == pytest.approx(sum(rows) / len(rows), abs=1e-4)


def test_tables_have_the_size_they_say(found):
    layers, heads = found["model"]["layers"], found["model"]["heads"]
    units, tokens = len(found["units"]), len(found["tokens"])
    for table in (*found["heads"].values(), *found["attention"]["patterns"].values()):
        assert [len(row) for row in table] == [heads] * layers
    assert all(len(each["scores"]) == units and len(each["tokens"]) == tokens for each in found["maps"])
    assert [len(row) for row in found["rollout"]["layers"]] == [units] * layers
    assert [each["method"] for each in found["maps"]] == [each["method"] for each in found["faithfulness"]["maps"]]


def test_the_rollout_map_is_the_last_layer_of_the_rollout(found):
    rolled = found["rollout"]["layers"][-1]
    by_map = next(each["scores"] for each in found["maps"] if each["method"] == "attention rollout")
    assert by_map == pytest.approx([share / sum(rolled) for share in rolled], abs=1e-5)


def test_the_decision_is_read_where_the_model_reads_it(found):
    readout = found["decision"]["readout"]
    assert readout[-1 if found["model"]["causal"] else 0] == pytest.approx(1.0)
    assert sum(readout) == pytest.approx(1.0)


def test_the_classic_tests_are_those_of_the_battery_and_come_back_from_json(analysis, found):
    subject, example, decision = analysis.subject, analysis.example, analysis.decision
    eraser = subject.erasers[0]
    assert found["faithfulness"]["eraser"] == found["classic"]["eraser"] == eraser
    steps = found["run"]["adversary_steps"]
    assert steps == EFFORTS["quick"].adversary_steps == 50
    alone = classic_tests(subject, example, decision, seed=3, eraser=eraser, adversary_steps=steps)
    assert found["classic"] == json.loads(json.dumps(alone.to_dict()))
    assert ClassicTests.from_dict(found["classic"]).to_dict() == analysis.classic.to_dict()
    assert found["classic"]["words"] == len(found["units"])


def test_the_verdict_does_not_look_at_the_classic_tests(analysis, found, monkeypatch):
    def reversed_(*arguments, **options):
        other = {name: not value if isinstance(value, bool) else value for name, value in found["classic"].items()}
        other |= {name: -value for name, value in other.items() if isinstance(value, float)}
        return ClassicTests.from_dict(other)

    monkeypatch.setattr("analyses.decision.analyze.classic_tests", reversed_)
    steps = []
    again = analyze(analysis.subject, TEXT, effort="quick", seed=3, progress=steps.append).to_dict()
    assert again["classic"]["divergence"] == -found["classic"]["divergence"]
    assert again["verdict"] == found["verdict"]
    assert steps.count("running the classic tests") == 1


def test_more_effort_searches_longer():
    steps = [EFFORTS[name].adversary_steps for name in ("quick", "standard", "thorough")]
    assert steps == [50, 100, 500]


def test_an_unknown_effort_is_refused(analysis):
    with pytest.raises(ValueError) as error:
        analyze(analysis.subject, TEXT, effort="heroic")
    assert str(error.value) == "effort must be one of quick, standard, thorough, not 'heroic'"


def test_a_bfloat16_model_is_analysed_too(tmp_path):
    save_bert(tmp_path)
    analysis = analyze(interpret.load(tmp_path, dtype="bfloat16"), TEXT, effort="quick")
    assert [check.name for check in analysis.checks if not check.passed] == []
    assert analysis.to_dict()["run"]["dtype"] == "bfloat16"


def test_a_long_text_is_analysed_with_pooled_maps_and_the_same_numbers(analysis, found, monkeypatch):
    """The same text, as if it were too long to keep every weight of it: four rows at a time, tiles of three."""
    monkeypatch.setattr(kept_attention, "WHOLE", 0)
    monkeypatch.setattr(pooled_maps, "MOST_TILES", 4)
    monkeypatch.setattr(call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(call, "LEAST_ROWS", 4)
    long = analyze(analysis.subject, TEXT, effort="quick", seed=3)
    written = long.to_dict()
    whole, weights = analysis.attention.weights, written["attention"]["weights"]
    tokens, size = len(found["tokens"]), weights["size"]
    assert (weights["length"], size) == (tokens, math.ceil(tokens / 4))
    for query in range(0, tokens, size):
        for key in range(0, tokens, size):
            part = whole[:, :, query : query + size, key : key + size]
            place = (..., query // size, key // size)
            assert unpack_tiles(weights, "share")[place] == pytest.approx(part.sum(3).mean(2).numpy(), abs=2e-3)
            assert unpack_tiles(weights, "largest")[place] == pytest.approx(part.amax((2, 3)).numpy(), abs=2e-3)
    read = found["decision"]["readout"].index(1.0)
    strongest, positions = whole[:, :, read].topk(len(weights["strongest"]["weights"][0][0]))
    assert weights["strongest"]["positions"] == positions.tolist()
    assert np.allclose(weights["strongest"]["weights"], strongest, rtol=1e-3, atol=1e-6)
    assert written["verdict"]["answer"] == found["verdict"]["answer"]
    for mine, theirs in zip(written["verdict"]["components"], found["verdict"]["components"], strict=True):
        assert mine["value"] == pytest.approx(theirs["value"], abs=1e-3) and mine["side"] == theirs["side"]
    for mine, theirs in zip(written["maps"], found["maps"], strict=True):
        assert mine["scores"] == pytest.approx(theirs["scores"], rel=1e-3, abs=1e-5)
    assert names_in(written) <= DOCUMENTED
    assert "pooled" in render(written)


def test_no_text_with_words_gone_is_read_twice(bert, monkeypatch):
    """Leave-one-out, random orders and the classic tests all take words out of the same text."""
    read, logits = [], bert.logits

    def noting(ids):
        if not torch.is_grad_enabled():
            read.extend(tuple(row) for row in ids.tolist() if bert.mask_id in row)
        return logits(ids)

    monkeypatch.setattr(bert, "logits", noting)
    example = analyze(bert, TEXT, effort="quick").example
    gone = [tuple(place for place, token in enumerate(row) if token == bert.mask_id) for row in read]
    assert {unit.tokens for unit in example.units} <= set(gone)
    assert len(set(gone)) == len(gone)

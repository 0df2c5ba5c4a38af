"""Cuts of attention, against a BERT written out with masked scores, identities, and a model that reads one edge."""

import math
from types import SimpleNamespace

import pytest
import torch
from images_for_tests import save_red_patch, sees_red
from subjects_for_tests import SENTENCE, VOCABULARY, ToySubject, eager_attention_forward, tiny_bert, tiny_llama
from torch import nn
from translators_for_tests import save_translator

import interpret
from analyses import knockout
from analyses.long_range.cells import grid_of
from analyses.long_range.cuts import Cutting
from analyses.long_range.edges import edges_of, require_direction
from analyses.long_range.random_edges import CutEffect, random_cuts
from interpret.attention.interface import attend
from interpret.errors import InputError

DRAWS = 19


def margin_by_hand(model, ids, cut):
    """A BERT's margin for label 0 of two, with scores of -inf where `cut` (layer, head, query, key) says so."""
    bert, config = model.bert.double(), model.config
    try:
        parts = bert.embeddings
        kinds = parts.token_type_embeddings.weight[0]
        states = parts.LayerNorm(parts.word_embeddings(ids) + parts.position_embeddings(torch.arange(len(ids))) + kinds)
        size = config.hidden_size // config.num_attention_heads
        for number, layer in enumerate(bert.encoder.layer):
            read, written = layer.attention.self, []
            for head in range(config.num_attention_heads):
                here = slice(head * size, (head + 1) * size)
                query, key, value = (each(states)[:, here] for each in (read.query, read.key, read.value))
                scores = query @ key.T / math.sqrt(size)
                for q in range(len(ids)):
                    for k in range(len(ids)):
                        if cut(number, head, q, k):
                            scores[q, k] = -math.inf
                written.append(scores.softmax(dim=-1) @ value)
            after = layer.attention.output
            states = after.LayerNorm(states + after.dense(torch.cat(written, dim=-1)))
            wide = nn.functional.gelu(layer.intermediate.dense(states))
            states = layer.output.LayerNorm(states + layer.output.dense(wide))
        logits = model.classifier.double()(torch.tanh(bert.pooler.dense(states[0])))
        return float(logits[0] - logits[1])
    finally:
        model.float()


@torch.no_grad()
def test_falls_are_those_of_scores_masked_by_hand():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example, "label 0")
    found = knockout(subject, example, decision, window=2, draws=DRAWS)
    assert found.by_distance.rows == ("layer 1 to layer 2", "layer 3")
    assert found.by_distance.columns == ("1", "2 to 3", "4 to 7", "8 to 14")

    def fall(cut):
        whole, without = (margin_by_hand(subject.model, example.ids, each) for each in (lambda *_: False, cut))
        return whole - without

    assert found.margin == pytest.approx(margin_by_hand(subject.model, example.ids, lambda *_: False), abs=1e-4)
    for row, layers in enumerate(((0, 1), (2,))):
        for column, (low, high) in enumerate(((1, 1), (2, 3), (4, 7), (8, 14))):
            wanted = fall(lambda layer, _, q, k, at=layers, a=low, b=high: layer in at and a <= abs(q - k) <= b)
            assert float(found.by_distance.fall[row, column]) == pytest.approx(wanted, abs=1e-4)
    names = found.by_word.rows
    cell = names.index("un_like_able"), names.index("plot")
    tokens = dict(zip([unit.text for unit in example.units], [unit.tokens for unit in example.units], strict=True))
    wanted = fall(lambda _, __, q, k: q in tokens["un_like_able"] and k in tokens["plot"])
    assert float(found.by_word.fall[cell]) == pytest.approx(wanted, abs=1e-4)
    assert int(found.by_word.edges[cell]) == 3 * 3  # three tokens to one, in three layers
    assert found.whole.fall == pytest.approx(fall(lambda _, __, q, k: q != k), abs=1e-4)


@torch.no_grad()
def test_cuts_keep_to_heads_directions_distances_and_words():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example, "label 0")
    heads = [(0, 1), (2, 3)]
    found = knockout(
        subject, example, decision, heads=heads, direction="back", distance=(2, None), to_words=["plot", "[CLS]"],
        draws=DRAWS,
    )  # fmt: skip
    keys = [unit.tokens[0] for unit in example.units if unit.text == "plot"] + [0]

    def cut(layer, head, query, key):
        return (layer, head) in heads and key in keys and query - key >= 2

    whole, without = (margin_by_hand(subject.model, example.ids, each) for each in (lambda *_: False, cut))
    assert found.whole.fall == pytest.approx(whole - without, abs=1e-4)
    assert found.by_word.columns == ("[CLS]", "plot")
    assert found.asked.layers == (0, 2) and found.asked.shortest == 2
    length = len(example.ids)
    edges = sum(query - key >= 2 for query in range(length) for key in keys)
    assert found.whole.edges == 2 * edges


def test_cutting_nothing_changes_nothing():
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    record, _ = subject.record(example)
    cutting = Cutting(
        subject, example, subject.decide(example), edges_of(subject, example, subject.maps(record, example))
    )
    nothing = torch.zeros(len(example.ids), len(example.ids), dtype=torch.bool)
    assert list(cutting.falls([cutting.cut(nothing, range(2)), {}])) == [(0.0, False), (0.0, False)]


def test_without_any_edge_each_position_is_alone():
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = knockout(subject, example, decision, cut_sink=True, draws=DRAWS)
    assert math.isnan(found.whole.p_value) and found.whole.draws == 0
    with torch.no_grad():
        alone = subject.logits(example.ids[None, -1:])[0]
    others = [score for label, score in enumerate(alone.tolist()) if label != decision.target]
    assert decision.margin - found.whole.fall == pytest.approx(float(alone[decision.target]) - max(others), abs=1e-4)


def test_the_first_position_of_a_causal_model_stays_unless_asked_for():
    subject = tiny_llama()
    kept, cut = (knockout(subject, SENTENCE, cut_sink=each, draws=DRAWS) for each in (False, True))
    length = len(subject.encode(SENTENCE).ids)
    assert cut.whole.edges - kept.whole.edges == 2 * (length - 1)
    assert "<s>" in cut.by_word.columns and "<s>" not in kept.by_word.columns
    assert knockout(tiny_bert(), SENTENCE, draws=DRAWS).by_word.columns[0] == "[CLS]"


class OneEdge(nn.Module):
    """One head whose answer is read at position 0, and only says whether that position attends to "shines"."""

    def __init__(self):
        super().__init__()
        table = torch.zeros(len(VOCABULARY), 2)
        table[VOCABULARY.index("[CLS]"), 0] = table[VOCABULARY.index("shines"), 1] = 1.0
        self.embedding = nn.Embedding.from_pretrained(table)

    def get_input_embeddings(self):
        return self.embedding

    def forward(self, input_ids=None, inputs_embeds=None):
        states = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        query, key = 9 * states[:, None, :, :1], states[:, None, :, 1:]
        written, _ = attend(self, query, key, key, None, kernel=eager_attention_forward, kernel_name="eager")
        return SimpleNamespace(logits=torch.cat([written[:, 0, 0], 0.5 - written[:, 0, 0]], dim=-1))


def planted_text(distance):
    return " ".join(["the"] * (distance - 1) + ["shines"] + ["the"] * (14 - distance))


@pytest.mark.parametrize("distance", [3, 8, 13])
def test_the_one_edge_that_a_planted_model_reads_is_found(distance):
    found = knockout(ToySubject(OneEdge()), planted_text(distance), draws=199)
    assert [(found.by_word.rows[row], found.by_word.columns[column]) for row, column in found.by_word.top(1)] == [
        ("[CLS]", "shines")
    ]
    row, column = found.by_word.top(1)[0]
    assert found.by_word.p_value[row, column] == found.by_word.p_value[~found.by_word.p_value.isnan()].min()
    ends = [[int(end) for end in name.split(" to ")] for name in found.by_distance.columns]
    holding = [low <= distance <= high for low, *rest in ends for high in (rest or [low])]
    moved = (found.by_distance.fall[0].abs() > 0.2).tolist()
    assert moved == holding
    assert int(found.by_distance.p_value[0].argmin()) == holding.index(True)


def test_random_edges_are_as_many_in_the_same_layers():
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    record, _ = subject.record(example)
    cutting = Cutting(
        subject, example, subject.decide(example), edges_of(subject, example, subject.maps(record, example))
    )
    draws = random_cuts(cutting, {1: 7}, seed=3)
    seen = [next(draws)[1] for _ in range(150)]
    assert all(int(mask.sum()) == 7 and not (mask & ~cutting.edges.kinds[0]).any() for mask in seen)
    assert torch.stack(seen).any(dim=0).equal(cutting.edges.kinds[0])  # every edge is drawn at some time
    again = random_cuts(cutting, {1: 7}, seed=3)
    assert all(torch.equal(next(again)[1], mask) for mask in seen)


def test_q_values_adjust_for_the_cells_that_were_tested():
    cells = [CutEffect(2, 0.5, False, 0.1, p, 99) for p in (0.01, 0.04, 0.03, math.nan)]
    grid = grid_of(("a", "b"), ("1", "2"), cells)
    assert grid.q_value.flatten().tolist()[:3] == pytest.approx([0.03, 0.04, 0.04])  # 3p/1, then 3p/3 for both
    assert math.isnan(float(grid.q_value[1, 1]))


def test_mean_distances_are_sums_written_out():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    record, _ = subject.record(example)
    weights = record.stacked()
    found = knockout(subject, example, to_words=["plot"], draws=DRAWS).mean_distance
    for layer in range(3):
        for head in range(4):
            rows = weights[layer, head].tolist()
            away = sum(abs(q - k) * weight for q, row in enumerate(rows) for k, weight in enumerate(row))
            assert float(found[layer, head]) == pytest.approx(away / len(rows), rel=1e-4)


def test_cross_attention_is_cut_from_word_to_word_only(tmp_path):
    save_translator(tmp_path, "marian")
    subject = interpret.load(tmp_path)
    found = knockout(subject, subject.encode("the cat sat on the mat", "die Katze", position=1), draws=DRAWS)
    assert found.by_distance.rows == ("encoder 1", "encoder 2", "decoder 1", "decoder 2")
    crossing = [name.startswith("cross") for name in found.layer_names]
    assert found.mean_distance.isnan().all(dim=1).tolist() == crossing
    assert "Cross-attention has no distances: its queries and keys stand in different texts." in found.remarks
    assert found.by_word.rows[:6] == ("the", "cat", "sat", "on", "the#2", "mat")
    assert (
        int(found.by_word.edges[-1, 1]) == 2
    )  # what was written last attends to "cat" in two layers of cross-attention
    only = knockout(subject, subject.encode("the cat", "die"), layers=range(3, 4), from_words=["<pad>"], draws=DRAWS)
    assert only.by_distance is None and only.by_word is not None and next(iter(only.pictures())) == "word"


def test_distances_in_an_image_are_those_of_its_patches(tmp_path):
    subject = sees_red()
    example = subject.encode(str(save_red_patch(tmp_path / "red.png", 1, 2)))
    record, _ = subject.record(example)
    edges = edges_of(subject, example, subject.maps(record, example))
    places = {unit.tokens[0]: divmod(number, 4) for number, unit in enumerate(example.units)}
    for query, (row, column) in places.items():
        for key, (other_row, other_column) in places.items():
            assert int(edges.distance[query, key]) == max(abs(row - other_row), abs(column - other_column))
    assert edges.distance[0].unique().tolist() == [-1]  # [CLS] has no place
    found = knockout(subject, example, draws=DRAWS)
    assert (found.units, found.by_distance.columns) == ("patches", ("1", "2 to 3"))
    assert found.by_word.rows[found.by_word.top(1)[0][0]] == "[CLS]"
    with pytest.raises(InputError) as error:
        knockout(subject, example, direction="back")
    assert str(error.value) == "patches of an image have no order, so direction must be both, not back"


def test_too_many_pairs_are_left_out_with_a_remark():
    subject, text = tiny_bert(), " ".join(["the"] * 39)
    found = knockout(subject, text, draws=DRAWS)
    assert found.by_word is None and found.by_distance is not None
    assert found.remarks == (
        "1681 pairs of words are too many to cut one by one; name some with from_words or to_words (--from, --to).",
    )
    assert knockout(subject, text, to_words=["the#3"], draws=DRAWS).by_word.columns == ("the#3",)


FORWARD = "toy is causal, so no position sees a later one, and there is nothing forward to cut; give back"
OTHER_HEAD = "heads of this model are 0 to 3 in layers 0 to 1 (both from 1 in commands), not head 4 in layer 0"
NO_HEAD = "the layers must have one of the heads that were named, and those are [(0, 1)]"
NO_WORD = (
    "the text has no word 'cat'; its words are: the, plot, drags, but, the#2, cast, is, very, un_like_able, and, warm"
)
NO_EDGE = (
    "no edge is left to cut: no position that was asked for sees another one that was; ask for other words, distances, "
    "layers or heads, or for the other direction"
)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"direction": "forward"}, FORWARD),
        ({"layers": range(1, 3)}, "layers of this model are 0 to 1 (1 to 2 in commands), not range(1, 3)"),
        ({"layers": range(0)}, "layers of this model are 0 to 1 (1 to 2 in commands), not range(0, 0)"),
        ({"heads": [(0, 4)]}, OTHER_HEAD),
        ({"heads": [(0, 1)], "layers": range(1, 2)}, NO_HEAD),
        ({"distance": (0, 3)}, "distances of this input are from 1 to 12, the smaller one first, not 0 to 3"),
        ({"distance": (4, 3)}, "distances of this input are from 1 to 12, the smaller one first, not 4 to 3"),
        ({"distance": (99, None)}, "distances of this input are from 1 to 12, the smaller one first, not 99 and more"),
        ({"window": 0}, "a window must have at least 1 layer, not 0"),
        ({"from_words": ["the"], "to_words": ["warm"]}, NO_EDGE),
        ({"from_words": ["cat"]}, NO_WORD),
    ],
)  # fmt: skip
def test_what_can_not_be_cut_is_said(asked, said):
    with pytest.raises(InputError) as error:
        knockout(tiny_llama(), SENTENCE, draws=DRAWS, **asked)
    assert str(error.value) == said


def test_there_is_no_other_direction():
    subject = tiny_llama()
    with pytest.raises(InputError) as error:
        require_direction(subject, subject.encode(SENTENCE), "up")
    assert str(error.value) == "direction must be both, back or forward, not 'up'"


def test_adjusted_p_values_leave_the_others_as_they_are():
    effects = [CutEffect(1, 0.5, False, 0.1, p, 99) for p in (0.04, 0.01)]
    found = grid_of(["a"], ["b", "c"], effects)
    assert found.q_value.tolist() == [[0.04, 0.02]] and found.q_value.tolist() == [[0.04, 0.02]]
    assert found.p_value.tolist() == [[0.04, 0.01]]

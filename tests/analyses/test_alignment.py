"""Alignments against transformers' own cross-attention, joined into words by plain loops, and error rates by hand."""

import copy
import math

import pytest
import torch
from translators_for_tests import save_translator

import interpret
from analyses.translation.alignment import Alignment, alignment, strongest_links
from analyses.translation.alignment_errors import GoldAlignment, alignment_error_rate
from interpret.errors import InputError

SOURCE, TARGET = "The cat sat on the mat, slowly", "A quiet film, slow at first"
COPY = "0-0 1-1 2-2 3-3"


@pytest.fixture(scope="module", params=["t5", "bart", "marian"])
def translator(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    save_translator(folder, request.param)
    return interpret.load(folder)


def own_attention(subject):
    """Weights [head][row][source] of both layers, by transformers, for a start mark and every token of the target."""
    source, target = subject.tokenizer.encode(SOURCE), subject.tokenizer.encode(TARGET)
    model = copy.deepcopy(subject.model)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        ids = {"input_ids": torch.tensor([source.ids]), "decoder_input_ids": torch.tensor([[0, *target.ids]])}
        output = model(**ids, output_attentions=True)
    return source, target, output, [layer[0] for layer in output.cross_attentions]


def words_of(text, encoded):
    """Words between spaces, and which tokens are in each."""
    found, start = [], 0
    for word in text.split():
        start = text.index(word, start)
        stop = start + len(word)
        inside = [n for n, (first, last) in enumerate(encoded.offsets) if first < stop and last > start]
        found.append((word, inside))
        start = stop
    return found


@pytest.mark.parametrize("aligned", ["output", "input"])
@pytest.mark.parametrize("head", [None, 2])
def test_words_sum_over_source_tokens_and_average_over_target_tokens(translator, aligned, head):
    source, target, _, layers = own_attention(translator)
    found = alignment(translator, SOURCE, TARGET, gold="0-0")
    columns, rows = words_of(SOURCE, source), words_of(TARGET, target)
    assert found.source == tuple(word for word, _ in columns) and found.target == tuple(word for word, _ in rows)
    assert max(len(tokens) for _, tokens in (*columns, *rows)) > 1, "no word of several tokens was tried"
    for number, layer in enumerate(layers):
        weights = layer.mean(0) if head is None else layer[head]
        matrix = found.matrix(number, head=head, aligned=aligned)
        for row, (_, pieces) in enumerate(rows):
            for column, (_, tokens) in enumerate(columns):
                places = [piece + (aligned == "input") for piece in pieces]
                wanted = sum(float(weights[place, token]) for place in places for token in tokens) / len(places)
                assert float(matrix[row, column]) == pytest.approx(wanted, abs=1e-5)


def test_norms_are_lengths_of_what_is_added(translator):
    source, _, output, layers = own_attention(translator)
    found = alignment(translator, SOURCE, TARGET, gold="0-0")
    states = output.encoder_last_hidden_state[0]
    for number, layer in enumerate(layers):
        if translator.model.config.model_type == "t5":
            attention = translator.model.decoder.block[number].layer[1].EncDecAttention
            value, out = attention.v, attention.o
        else:
            attention = translator.model.model.decoder.layers[number].encoder_attn
            value, out = attention.v_proj, attention.out_proj
        heads, dim = layer.shape[0], out.weight.shape[1] // layer.shape[0]
        values = value(states).detach()
        for row in (0, 3):
            lengths = []
            for token in range(len(source.ids)):
                added = torch.zeros(out.weight.shape[0])
                for head in range(heads):
                    own = slice(head * dim, (head + 1) * dim)
                    added += layer[head, row, token] * (out.weight[:, own] @ values[token, own]).detach()
                lengths.append(math.sqrt(sum(float(number) ** 2 for number in added)))
            wanted = [sum(lengths[token] for token in tokens) for _, tokens in words_of(SOURCE, source)]
            assert found.norms[number, row].tolist() == pytest.approx(wanted, rel=1e-4)


def test_without_gold_punctuation_is_a_word_of_its_own(translator):
    found = alignment(translator, SOURCE, TARGET)
    assert found.source[-3:] == ("mat", ",", "slowly") and found.target[2:4] == ("film", ",")
    assert found.error_rates() == [] and found.to_dict()["gold"] is None
    assert found.layers == ("cross 1", "cross 2")


def test_without_a_target_the_model_writes_its_own_and_end_marks_are_no_words(translator):
    found = alignment(translator, SOURCE)
    written = translator.tokens_of(SOURCE)
    assert all("<end>" not in word for word in found.target)
    assert max(max(pieces) for pieces in found.pieces) < len(written)
    assert found.weights.shape[2] >= max(max(pieces) for pieces in found.pieces) + 2


def copying(shift, gold):
    """Each position looks at the source word that it writes, or, shifted, at the one that it reads."""
    rows = torch.full((1, 2, 5, 4), 0.05)
    for place in range(4):
        rows[0, :, place + shift, place] = 0.8
    words = ("a", "b", "c", "d")
    pieces = tuple((place,) for place in range(4))
    norms = rows.mean(dim=1).flip(-1)
    return Alignment(words, words, pieces, ("cross 1",), rows, norms, GoldAlignment.parse(gold, source=4, target=4))


@pytest.mark.parametrize("shift", [0, 1])
def test_a_copy_is_aligned_at_the_position_that_knows_the_word(shift):
    rates = {(each["by"], each["aligned"]): each["error_rate"] for each in copying(shift, COPY).error_rates()}
    right, wrong = ("output", "input") if shift == 0 else ("input", "output")
    assert rates["weights", right] == 0 and rates["weights", wrong] > 0.7
    assert rates["norms", right] == 1  # theirs are turned round, and 4 words have no middle


def test_the_dictionary_has_the_matrix_that_is_shown():
    found = copying(0, "0-0 1?1")
    written = found.to_dict()
    assert written["gold"] == {"sure": [[0, 0]], "possible": [[0, 0], [1, 1]]}
    assert written["weights"] == [found.matrix(0).tolist()]
    assert written["error_rates"] == found.error_rates() and len(written["error_rates"]) == 4


def test_a_word_that_looks_at_none_is_linked_to_none():
    assert strongest_links(torch.tensor([[0.0, 0.0], [0.1, 0.3]])) == {(1, 1)}


def test_error_rates_of_och_and_ney_by_hand():
    sure, possible = {(0, 0), (1, 1)}, {(2, 1)}
    assert alignment_error_rate(sure, sure, possible) == 0
    assert alignment_error_rate({(0, 0), (1, 1), (2, 1)}, sure, possible) == 0
    assert alignment_error_rate({(0, 0), (2, 1), (2, 2)}, sure, possible) == pytest.approx(1 - 3 / 5)
    assert alignment_error_rate({(3, 3)}, sure, possible) == 1
    assert alignment_error_rate(set(), sure, possible) == 1
    with pytest.raises(ValueError, match=r"^an error rate needs predicted or sure links, but there are neither$"):
        alignment_error_rate(set(), set(), possible)


def test_the_pharaoh_format_is_read():
    gold = GoldAlignment.parse(" 0-0 1?2\n2p1 ", source=3, target=3)
    assert gold.sure == {(0, 0)} and gold.possible == {(0, 0), (1, 2), (2, 1)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0-0 1:1", "a gold alignment is links such as 0-0 (sure) or 1?2 (possible) with spaces between, not '1:1'"),
        (
            "0-0 2-3",
            "the gold alignment has the link 2-3, but the source has 3 words and the target 3, counted from 0 and "
            "taken from between spaces",
        ),
        ("0?0", "the gold alignment has no sure link, such as 0-0, so no error rate can be told"),
    ],
)
def test_a_gold_alignment_that_cannot_be_used_is_refused(text, message):
    with pytest.raises(InputError) as error:
        GoldAlignment.parse(text, source=3, target=3)
    assert str(error.value) == message


def test_norms_that_are_not_there_are_refused():
    found = copying(0, COPY)
    with pytest.raises(ValueError, match=r"^norms are those of all heads together, not of head 1; use weights, or no"):
        found.matrix(by="norms", head=1)
    without = Alignment(found.source, found.target, found.pieces, found.layers, found.weights, None, found.gold)
    with pytest.raises(ValueError, match=r"^this model's output projection wasn't found, so there are no norms; use"):
        without.matrix(by="norms")
    assert {each["by"] for each in without.error_rates()} == {"weights"}

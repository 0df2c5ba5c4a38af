"""A language model decides on the next token; its labels are tokens that people can read and name."""

import re
from contextlib import nullcontext

import pytest
import torch
from saved_models import byte_pairs, pieces_with_spaces, random_model, save_tokenizer, word_pieces
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

import interpret
from interpret.native import LanguageModelConfig, TransformerLanguageModel
from interpret.subjects.tasks.language_model import NextToken

TEXT = "The cat sat on the mat, but the cake was dry"
FAMILIES = ("llama", "gpt2", "gemma2", "gpt_oss", "qwen3", "opt", "phi", "gpt_neox", "mixtral", "cohere2")


def one_line(text: str) -> str:
    return f"^{re.escape(text)}$"


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory) -> NextToken:
    folder = tmp_path_factory.mktemp(request.param)
    random_model("causal", request.param, byte_pairs()).save_pretrained(folder)
    save_tokenizer(folder, byte_pairs())
    return interpret.load(folder)


def test_the_decision_is_the_likeliest_next_token(family):
    plain = AutoModelForCausalLM.from_pretrained(family.weight_files[0].parent)
    example = family.encode(TEXT)
    with torch.no_grad():
        last = plain(input_ids=example.ids[None]).logits[0, -1]
    best = sorted(range(len(last)), key=lambda index: -float(last[index]))
    decision = family.decide(example)
    assert decision.target == best[0] and decision.label == decision.predicted == family.label(best[0])
    assert decision.probability == pytest.approx(float(last.exp()[best[0]] / last.exp().sum()), abs=1e-5)
    assert decision.margin == pytest.approx(float(last[best[0]] - last[best[1]]), abs=1e-4)
    assert [name for name, _ in decision.alternatives] == [family.label(index) for index in best[:5]]
    assert int(decision.readout.argmax()) == len(example.ids) - 1


def test_a_model_that_scores_every_position_decides_at_the_last():
    sizes = dict(vocabulary=byte_pairs().get_vocab_size(), hidden=16, layers=2, heads=2, inner=24, positions=40)
    model = TransformerLanguageModel(LanguageModelConfig(**sizes)).eval()
    subject = NextToken("native", model, byte_pairs())
    ids = subject.encode(TEXT).ids
    with torch.no_grad():
        every = model(input_ids=ids[None]).logits
        assert every.shape[1] == len(ids)
        assert torch.equal(subject.logits(ids[None]), every[:, len(ids) - 1])
        assert torch.allclose(
            subject.logits_from(subject.embed(ids[None]), ids[None]), every[:, len(ids) - 1], atol=1e-6
        )


def test_a_batch_is_what_its_rows_are(family):
    ids = family.encode(TEXT).ids
    rows = torch.stack([ids.roll(shift) for shift in range(4)])
    batch = family.logits(rows)
    assert batch.shape == (4, byte_pairs().get_vocab_size())
    assert not torch.allclose(batch[0], batch[1])
    for row, answer in zip(rows, batch, strict=True):
        assert torch.allclose(family.logits(row[None])[0], answer, atol=1e-5)


def test_token_vectors_give_what_ids_give(family):
    rows = torch.stack([family.encode(TEXT).ids.roll(shift) for shift in range(3)])
    assert torch.allclose(family.logits_from(family.embed(rows), rows), family.logits(rows), atol=1e-5)


def test_nothing_changes_the_weights(family):
    before = {name: weight.clone() for name, weight in family.model.state_dict().items()}
    example = family.encode(TEXT)
    decision = family.decide(example)
    family.record(example)
    family.erase(example, torch.eye(len(example.units), dtype=torch.bool), target=decision.target, eraser="delete")
    after = family.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_erasing_leaves_tokens_out(llama, saved):
    plain = AutoModelForCausalLM.from_pretrained(saved / "llama")
    example = llama.encode("The cat sat on the mat")
    target = llama.decide(example).target
    count = len(example.units)
    removed = torch.cat([torch.eye(count), torch.ones(1, count), torch.zeros(1, count)]).bool()
    scores = llama.erase(example, removed, target=target, eraser="delete")
    for row, found in zip(removed, scores.margin, strict=True):
        gone = {token for unit, out in zip(example.units, row, strict=True) if out for token in unit.tokens}
        kept = [token for position, token in enumerate(example.ids.tolist()) if position not in gone]
        with torch.no_grad():
            last = plain(input_ids=torch.tensor([kept])).logits[0, -1].tolist()
        expected = last[target] - max(score for label, score in enumerate(last) if label != target)
        assert float(found) == pytest.approx(expected, abs=2e-5)


def named(tokenizer: Tokenizer) -> NextToken:
    return NextToken("named", random_model("causal", "llama", tokenizer), tokenizer)


@pytest.mark.parametrize("tokenizer", [byte_pairs, pieces_with_spaces, word_pieces])
def test_labels_are_all_different_and_lead_back_to_their_token(tokenizer):
    subject = named(tokenizer())
    labels = [subject.label(index) for index in range(tokenizer().get_vocab_size())]
    assert len(set(labels)) == len(labels) and all(labels)
    known = set(labels)
    for index, label in enumerate(labels):
        shadowed = label[:1].isalnum() and f" {label}" in known  # a word of its own comes first
        assert subject.find_label(label) == (labels.index(f" {label}") if shadowed else index)


def test_labels_read_as_they_stand_in_a_text():
    subject = named(byte_pairs())
    vocabulary = byte_pairs().get_vocab()
    assert subject.label(vocabulary["Ġmat"]) == " mat"
    assert subject.label(vocabulary["."]) == "."
    assert subject.label(vocabulary["Ċ"]) == "\n"
    assert subject.label(vocabulary["<end>"]) == "<end>"
    assert subject.label(vocabulary["ð"]) == f"\ufffd (#{vocabulary['ð']})"
    assert subject.label(100_000) == "#100000"


def test_labels_of_sentencepiece_keep_their_space():
    subject, vocabulary = named(pieces_with_spaces()), pieces_with_spaces().get_vocab()
    assert subject.label(vocabulary["▁the"]) == " the"
    assert subject.label(vocabulary["at"]) == "at"
    assert subject.label(vocabulary["<0x41>"]) == "A"
    assert subject.label(vocabulary["A"]) == f"A (#{vocabulary['A']})"
    assert subject.label(vocabulary["</s>"]) == "</s>"


def test_a_word_is_taken_to_be_a_word_of_its_own():
    subject, vocabulary = named(byte_pairs()), byte_pairs().get_vocab()
    assert {"Ġmat", "Ġs", "s", "Ġ3", "3"} <= vocabulary.keys() and "mat" not in vocabulary
    for name, token in {" mat": "Ġmat", "mat": "Ġmat", "s": "Ġs", " s": "Ġs", ".": ".", "@": "@"}.items():
        assert subject.find_label(name) == vocabulary[token], name
    assert subject.find_label(f"#{vocabulary['s']}") == vocabulary["s"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            " the mat",
            "the target ' the mat' is 2 tokens for named (' the' + ' mat'), and it must be exactly one, such as ' the'",
        ),
        (
            "#99999",
            "the target '#99999' is 6 tokens for named ('#' + '9' + '9' + '9' + '9' + …), and it must be exactly one, "
            "such as '#'",
        ),
        ("", "the target is empty; give the text of one token"),
    ],
)
def test_targets_that_are_not_one_token(name, complaint):
    with pytest.raises(interpret.InputError, match=one_line(complaint)):
        named(byte_pairs()).find_label(name)


def test_a_target_that_the_tokenizer_rewrites():
    wanted = "named has no token 'CAT'; it reads it as ' cat'"
    with pytest.raises(interpret.InputError, match=one_line(wanted)):
        named(word_pieces()).find_label("CAT")


def test_a_model_that_sees_later_positions_predicts_no_next_token(tmp_path):
    random_model("causal", "bert", word_pieces()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces())
    wanted = (
        f"{tmp_path} (BertLMHeadModel) lets its positions see later ones, so it predicts no next token; give a "
        "language model that reads from left to right, such as GPT-2 or Llama"
    )
    with pytest.raises(interpret.InputError, match=one_line(wanted)):
        interpret.load(tmp_path)


@pytest.mark.parametrize(("leak", "is_read"), [(1e-6, True), (1e-2, False)])
def test_rounding_is_no_look_ahead(leak, is_read):
    """Mixtures of experts compute a position in another order where another one goes to another expert."""
    model = random_model("causal", "llama", byte_pairs())
    model.model.layers[0].mlp.register_forward_hook(lambda *given: given[-1] + leak * given[-1][:, -1:])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_pairs(), pad_token="<pad>")
    with nullcontext() if is_read else pytest.raises(interpret.InputError, match="predicts no next token"):
        assert interpret.load(model, tokenizer=tokenizer).is_causal


def test_smollm2_goes_on_with_a_sentence(smollm2):
    example = smollm2.encode("The capital of France is")
    assert example.tokens == ("The", "capital", "of", "France", "is")
    assert [unit.text for unit in example.units] == ["capital", "of", "France", "is"]
    decision = smollm2.decide(example)
    assert decision.label == " Paris" and decision.probability > 0.3
    assert smollm2.find_label("Paris") == smollm2.find_label(" Paris") == decision.target
    without_france = smollm2.erase(
        example, torch.tensor([[False, False, True, False]]), target=decision.target, eraser="delete"
    )
    assert float(without_france.probability[0]) < 0.1


def test_smollm2_emoji_and_targets(smollm2):
    example = smollm2.encode("I love my dog 🦮 and")
    assert [unit.text for unit in example.units] == ["love", "my", "dog", "🦮", "and"]
    assert len(example.units[3].tokens) > 1
    with pytest.raises(interpret.InputError, match=r"^the target ' mat tap' is [23] tokens for .* \(' mat' \+ "):
        smollm2.find_label(" mat tap")


def test_smollm2_token_vectors(smollm2):
    ids = smollm2.encode("Rain fell on the old").ids[None]
    with torch.no_grad():
        assert torch.allclose(smollm2.logits_from(smollm2.embed(ids), ids), smollm2.logits(ids), atol=1e-4)

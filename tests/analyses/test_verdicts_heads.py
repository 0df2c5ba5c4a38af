"""Heads: what each does by whole passes, which are idle, and what all of them look at."""

import pytest
import torch
from subjects_for_tests import SENTENCE, OneLayerSubject, ToySubject, tiny_bert, tiny_llama
from whole_passes_for_tests import WholePasses, tokens_of

import interpret
from analyses.verdicts.every_head import head_rows
from analyses.verdicts.idle_heads import HeadUse, head_use
from analyses.verdicts.measure import measure_text
from analyses.verdicts.one_text import ONE_TEXT, one_text_verdict
from analyses.verdicts.rank_in_row import PositionEffects, position_effects
from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.thresholds import IDLE
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow, read_row


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made_up(single: list[float], conditional: list[float], shown: list[float], joint: float) -> HeadUse:
    """One text."""
    return HeadUse(torch.tensor([single]), torch.tensor([conditional]), torch.tensor([joint]), torch.tensor([shown]))


def without_head(subject: ToySubject, layer: int, head: int) -> ToySubject:
    """Nothing reads what that head of a BERT writes."""
    output = subject.model.bert.encoder.layer[layer].attention.output.dense
    width = output.in_features // 4
    with torch.no_grad():
        output.weight[:, head * width : (head + 1) * width] = 0
    return subject


def test_a_head_is_idle_if_it_does_less_than_a_fifth_of_its_share_by_itself_and_jointly() -> None:
    assert IDLE == 0.2
    shown = [0.5, 0.3, 0.2]  # promise 0.1, 0.06 and 0.04 of a joint move of 1
    assert made_up([0.11, 0.07, 0.05], [0.0, 0.0, 0.0], shown, 1.0).idle() == ()
    assert made_up([0.0, 0.0, 0.0], [0.11, 0.07, 0.05], shown, 1.0).idle() == ()
    assert made_up([0.09, 0.07, 0.03], [0.0, 0.0, 0.05], shown, 1.0).idle() == (0,)
    assert made_up([0.09, 0.05, 0.03], [0.09, 0.05, 0.03], shown, 1.0).idle() == (0, 1, 2)
    assert made_up([0.09, 0.05, 0.03], [0.09, 0.05, 0.03], shown, 0.5).idle() == ()


def test_idle_is_about_the_mean_over_texts() -> None:
    """Head 0 does much in one text and nothing in the other; head 1 does by itself here and jointly there."""
    found = HeadUse(
        single=torch.tensor([[0.0, 0.5], [0.4, 0.0]]),
        conditional=torch.tensor([[0.0, 0.0], [0.0, 0.5]]),
        joint=torch.tensor([1.0, 1.0]),
        shown=torch.tensor([[0.9, 0.1], [0.9, 0.1]]),
    )
    assert found.idle() == ()  # 0.2 of 0.18 promised, 0.25 of 0.02
    halved = HeadUse(found.single * 0.85, found.conditional, found.joint, found.shown)
    assert halved.idle() == (0,)


def test_by_itself_and_jointly_are_averaged_each_for_itself() -> None:
    """By itself in the one text and jointly in the other: 0.05 of 0.08 either way, though 0.1 in each text."""
    found = HeadUse(
        single=torch.tensor([[0.1, 0.9], [0.0, 0.9]]),
        conditional=torch.tensor([[0.0, 0.9], [0.1, 0.9]]),
        joint=torch.tensor([1.0, 1.0]),
        shown=torch.tensor([[0.4, 0.6], [0.4, 0.6]]),
    )
    assert found.idle() == (0,)


def test_promises_are_kept_text_by_text() -> None:
    """A head with a large share where all heads move little promises little."""
    found = HeadUse(
        single=torch.tensor([[0.0, 0.0], [0.09, 0.85]]),
        conditional=torch.zeros(2, 2),
        joint=torch.tensor([0.0, 1.0]),
        shown=torch.tensor([[0.9, 0.1], [0.3, 0.7]]),
    )
    assert found.idle() == ()  # 0.045 done; promised are 0.2 of 0.15, not 0.2 of 0.6 x 0.5
    assert HeadUse(found.single * 0.6, found.conditional, found.joint, found.shown).idle() == (0,)


def test_where_nothing_moves_no_head_is_idle() -> None:
    assert made_up([0.0, 0.0], [0.0, 0.0], [0.5, 0.5], 0.0).idle() == ()


@pytest.mark.parametrize("maker", [tiny_bert, tiny_llama])
def test_the_joint_move_is_that_of_whole_passes_with_all_heads_permuted(maker: type) -> None:
    passes = WholePasses(maker(), layer=-1)
    passes.layer = passes.row().layer
    content = Content.of(passes.examples)
    orders = content.orders(3, generator())
    found = head_use(passes.row(), content, orders)
    assert found.single.shape == found.conditional.shape == found.shown.shape == (2, 4)
    for index, example in enumerate(passes.examples):
        own = passes.weights(index)
        moved = [passes.moved(index, own[:, order]) for order in orders[index]]
        assert float(found.joint[index]) == pytest.approx(sum(moved) / 3, abs=2e-5)
        on_words = [sum(float(own[head, token]) for token in tokens_of(example)) for head in range(4)]
        assert found.shown[index].tolist() == pytest.approx([each / sum(on_words) for each in on_words], abs=1e-5)


@pytest.mark.parametrize(("layer", "head"), [(2, 1), (0, 3)])
def test_of_one_named_head_alone_its_permutations_are_all_there_is(layer: int, head: int) -> None:
    passes = WholePasses(tiny_bert(), layer=layer, head=head)
    content = Content.of(passes.examples)
    orders = content.orders(3, generator())
    found = head_use(passes.row(), content, orders)
    for index in (0, 1):
        moved = [passes.moved(index, passes.weights(index)[:, order]) for order in orders[index]]
        for each in (found.joint[index], found.single[index, 0], found.conditional[index, 0]):
            assert float(each) == pytest.approx(sum(moved) / 3, abs=2e-5)
    assert found.shown.tolist() == [[1.0], [1.0]] and found.idle() == ()
    assert found.joint.max() > 1e-3


def test_a_head_that_nothing_reads_is_idle() -> None:
    passes = WholePasses(without_head(tiny_bert(), 2, 1), layer=2)
    content = Content.of(passes.examples)
    found = head_use(passes.row(), content, content.orders(8, generator()))
    assert found.idle() == (1,)
    assert found.single[:, 1].max() < 1e-5 and found.conditional[:, 1].max() < 1e-5 and found.shown[:, 1].min() > 0.01


@pytest.mark.parametrize("maker", [tiny_bert, tiny_llama])
def test_rows_of_every_head_are_those_that_the_model_itself_gives_out(maker: type) -> None:
    subject = maker()
    first, second = (subject.encode(text) for text in (SENTENCE, SENTENCE.replace("plot", "film")))
    ids, length = torch.stack([first.ids, second.ids]), len(first.ids)
    readout = torch.zeros(length)
    readout[1], readout[length - 1] = 0.3, 0.7
    found = head_rows(subject, ids, readout)
    own = subject.model.__class__._from_config(subject.model.config, attn_implementation="eager").eval()
    own.load_state_dict(subject.model.state_dict())
    with torch.no_grad():
        attentions = own(input_ids=ids, output_attentions=True).attentions
    assert len(found) == len(attentions)
    for rows, weights in zip(found, attentions, strict=True):
        expected = 0.3 * weights[:, :, 1] + 0.7 * weights[:, :, length - 1]
        torch.testing.assert_close(rows, expected, rtol=1e-4, atol=1e-5)


def test_rows_of_several_passes_stand_in_the_order_of_the_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = tiny_bert()
    ids = torch.randint(6, 20, (5, 9), generator=generator())
    readout = torch.eye(9)[0]
    at_once = head_rows(subject, ids, readout)
    monkeypatch.setattr(subject, "tokens_at_once", 18)
    apart = head_rows(subject, ids, readout)
    for one, other in zip(at_once, apart, strict=True):
        assert one.shape == (5, 4, 9)
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_head_that_works_in_texts_like_it_is_not_idle() -> None:
    """In a text of one word over and over, all values are alike and no head does anything; elsewhere they do."""
    subject = OneLayerSubject()
    example = subject.encode("plot plot plot plot plot plot")
    decision = subject.decide(example)
    content = Content.of([example])
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    assert head_use(row, content, content.orders(8, generator())).joint.max() < 1e-5
    resampler = CorpusUnigram([subject.encode("slow clever warm dull the film cast is was not")])

    def idle(head: int | None = None) -> tuple[int, ...]:
        found = measure_text(subject, example, decision, resampler, draws=ONE_TEXT, head=head)
        return one_text_verdict(found).idle_heads

    assert idle() == ()
    with torch.no_grad():
        subject.model.output.weight[:, 4:8] *= 0
    assert idle() == (1,)
    assert idle(head=1) == ()  # nothing was promised for it


def test_texts_like_it_are_followed_by_the_label_of_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two labels it makes no difference which is followed; of three it does."""
    seen: list[DecisionRow] = []

    def looked_at(row: DecisionRow, content: Content) -> PositionEffects:
        seen.append(row)
        return position_effects(row, content)

    monkeypatch.setattr("analyses.verdicts.measure.position_effects", looked_at)
    subject = tiny_bert(labels=3)
    example, texts = subject.encode(SENTENCE), ONE_TEXT.like
    for label in range(3):
        decision = subject.decide(example, f"label {label}")
        measure_text(subject, example, decision, CorpusUnigram([example]), draws=ONE_TEXT, layer=1, head=2)
        row = seen.pop()
        assert row.targets.tolist() == [label] * texts and (row.layer, row.head) == (1, 2)
        assert len({tuple(ids) for ids in row.ids.tolist()}) == texts
        assert torch.equal(row.ids[:, [0, -1]], example.ids[[0, -1]].expand(texts, 2))


def test_the_model_and_the_text_are_left_as_they_were() -> None:
    passes = WholePasses(tiny_bert(), layer=2)
    example, ids = passes.examples[0], passes.examples[0].ids.clone()
    resampler = CorpusUnigram(passes.examples)
    first, second = (
        measure_text(passes.subject, example, passes.decisions[0], resampler, draws=ONE_TEXT) for _ in range(2)
    )
    assert first.__dict__ == second.__dict__ and torch.equal(example.ids, ids)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in passes.subject.model.modules())
    with torch.no_grad(), interpret.recording(passes.subject.model) as record:
        passes.subject.logits(ids[None])
    assert len(record) == 3

"""Occlusion against texts that really lack the window, captum's windows, and leave-one-out."""

import re

import pytest
import torch
from images_for_tests import save_red_patch, sees_red
from subjects_for_tests import SENTENCE, LinearSubject, tiny_bert, tiny_llama

from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.explanations.input_edits.occlusion import occlusion
from interpret.errors import InputError


def margin_of(logits, target):
    values = logits[0].tolist()
    return values[target] - max(value for index, value in enumerate(values) if index != target)


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
@pytest.mark.parametrize(("window", "stride"), [(3, 1), (4, 3)])
def test_words_get_the_mean_fall_of_the_windows_they_are_in(build, window, stride):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    words, falls = SENTENCE.split(), {}
    start = 0
    while start == 0 or start - stride + window < len(words):
        left = words[:start] + words[start + window :]
        with torch.no_grad():
            logits = subject.logits(subject.encode(" ".join(left)).ids[None])
        falls[start] = decision.margin - margin_of(logits, decision.target)
        start += stride
    expected = []
    for word in range(len(words)):
        mine = [fall for start, fall in falls.items() if start <= word < start + window]
        expected.append(sum(mine) / len(mine))
    found = occlusion(subject, example, decision, window=window, stride=stride, eraser="delete")
    assert found.scores.tolist() == pytest.approx(expected, abs=1e-4)
    assert found.notes == {"window": window, "stride": stride}
    assert (found.method, found.family, found.signed) == ("occlusion", "perturbation", True)


@pytest.mark.parametrize(("window", "stride"), [(3, 1), (3, 2), (4, 3), (2, 2), (11, 1)])
def test_windows_are_captum_s(window, stride):
    from captum.attr import Occlusion

    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)

    def forward(kept):
        return subject.erase(example, kept == 0, target=decision.target, eraser="mask").margin

    whole = torch.ones(1, len(example.units))
    expected = Occlusion(forward).attribute(whole, sliding_window_shapes=(window,), strides=(stride,))[0]
    found = occlusion(subject, example, decision, window=window, stride=stride)
    torch.testing.assert_close(found.scores, expected.float(), atol=1e-5, rtol=1e-5)


def test_a_window_of_one_is_leave_one_out_and_a_larger_one_than_the_text_is_all_of_it():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    alone = leave_one_out(subject, example, decision, eraser="mask")
    torch.testing.assert_close(occlusion(subject, example, decision, window=1).scores, alone.scores)
    all_of_it = occlusion(subject, example, decision, window=99).scores
    assert all_of_it.tolist() == pytest.approx([alone.scores.sum().item()] * len(example.units), abs=1e-4)


def test_windows_on_an_image_are_squares(tmp_path):
    subject = sees_red()
    example = subject.encode(save_red_patch(tmp_path / "red.png", 1, 2))
    decision = subject.decide(example)
    rows, columns = example.grid
    found = occlusion(subject, example, decision, window=2)
    falls = torch.zeros(rows, columns)
    covers = torch.zeros(rows, columns)
    for row in range(rows - 1):
        for column in range(columns - 1):
            inside = torch.zeros(rows, columns, dtype=torch.bool)
            inside[row : row + 2, column : column + 2] = True
            without = subject.erase(
                example, inside.view(1, -1), target=decision.target, eraser=subject.erasers[0]
            ).margin.item()
            falls += inside * (decision.margin - without)
            covers += inside
    assert found.scores.tolist() == pytest.approx((falls / covers).flatten().tolist(), abs=1e-5)
    assert rows > 2 and found.scores.view(rows, columns)[1, 2] == found.scores.max()


@pytest.mark.parametrize(("window", "stride"), [(0, 1), (2, 3), (2, 0)])
def test_windows_that_leave_words_out_are_refused(window, stride):
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    said = f"window must be at least 1 and stride from 1 to it, not {window} and {stride}"
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        occlusion(subject, example, subject.decide(example), window=window, stride=stride)

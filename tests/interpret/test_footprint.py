"""What a pass holds and keeps: against sums by hand, and against what a gradient really needs."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from interpret.subjects.text import TextSubject
from interpret.system.footprint import held_bytes, kept_bytes

NUMBER = 4  # bytes of a float32


def test_the_most_that_is_held_counts_what_lives_at_the_same_time() -> None:
    def run() -> Tensor:
        first = torch.ones(1000)
        second = first * 2  # both live
        del first
        third = torch.cat([second, second])  # 1000 and 2000
        return third[:10]  # a view takes nothing, and keeps the whole alive

    assert held_bytes(run) == 3000 * NUMBER


def test_what_was_there_before_and_what_is_changed_in_place_takes_nothing() -> None:
    given = torch.ones(1000)

    def run() -> None:
        given.mul_(2)
        given.view(10, 100).t()

    assert held_bytes(run) == 0


def test_what_a_gradient_needs_is_counted_once_and_without_weights() -> None:
    first, second, given = nn.Linear(30, 50), nn.Linear(30, 20), torch.ones(7, 30, requires_grad=True)
    both = nn.ModuleList([first, second])

    def run() -> Tensor:
        hidden = given * 1  # read by both maps, kept once
        return first(hidden).relu().sum() + second(hidden).exp().sum()

    # What both read, the result of relu and the result of exp; sums and products with a number keep nothing.
    assert kept_bytes(both, run) == 7 * (30 + 50 + 20) * NUMBER


def test_a_pass_that_was_counted_has_no_gradient() -> None:
    layer, scores = nn.Linear(3, 2), []
    kept_bytes(layer, lambda: scores.append(layer(torch.ones(1, 3, requires_grad=True)).exp().sum()))
    with pytest.raises(RuntimeError, match="was only counted, so it has no gradient"):
        scores[0].backward()


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_a_model_takes_twice_as_much_for_twice_as_many_inputs(name: str, request: pytest.FixtureRequest) -> None:
    subject: TextSubject = request.getfixturevalue(name)
    ids = torch.randint(6, 20, (2, 40))

    def slope(rows: Tensor) -> Tensor:
        return subject.logits_from(subject.embed(rows).detach().requires_grad_(), rows)

    held = [held_bytes(partial(subject.logits, ids[:count])) for count in (1, 2)]
    kept = [kept_bytes(subject.model, partial(slope, ids[:count])) for count in (1, 2)]
    assert held[1] == pytest.approx(2 * held[0], rel=0.1)
    assert kept[1] == pytest.approx(2 * kept[0], rel=0.1)
    assert kept[0] > held[0] > 40 * subject.model.config.hidden_size * NUMBER

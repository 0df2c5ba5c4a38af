"""Two halves of the texts: all of them, each once, at random, the same for the same seed."""

import numpy as np
import pytest

from analyses.studies.halves import halves


@pytest.mark.parametrize("count", [0, 1, 2, 7, 50])
def test_every_text_is_in_one_half(count: int) -> None:
    first, second = halves(count, seed=3)
    assert sorted([*first, *second]) == list(range(count))
    assert len(second) - len(first) == count % 2
    assert list(first) == sorted(first) and list(second) == sorted(second)


def test_a_seed_gives_the_same_halves_and_another_seed_others() -> None:
    assert np.array_equal(halves(50, seed=1)[0], halves(50, seed=1)[0])
    assert not np.array_equal(halves(50, seed=1)[0], halves(50, seed=2)[0])


def test_halves_have_nothing_to_do_with_the_order_of_the_texts() -> None:
    """Texts come ordered by length, so a half of the first ones would be of short texts."""
    places = [halves(100, seed=seed)[0].mean() for seed in range(200)]
    assert np.mean(places) == pytest.approx(49.5, abs=1)
    assert max(places) < 65


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        halves(-1, seed=0)
    assert str(error.value) == "there can't be -1 texts; give 0 or more"

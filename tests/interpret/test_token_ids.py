"""What a tokenizer says of each token goes along with its id."""

import copy
import pickle

import pytest
import torch

from interpret.subjects.inputs.token_ids import TokenIds, plain_ids

IDS, TYPES, TEXTS, UNPADDED = [7, 8, 9, 3, 0], [0, 0, 1, 2, 0], [None, 0, 1, None, None], [1, 1, 1, 1, 0]


def made() -> TokenIds:
    return TokenIds.of(torch.tensor(IDS), TYPES, TEXTS, UNPADDED)


def known(ids) -> list[tuple]:
    """Number, type, second text or not, and padding or not, of each token of all rows."""
    parts = (plain_ids(ids), ids.types, ids.in_second, ids.unpadded)
    return list(zip(*(part.flatten().tolist() for part in parts), strict=True))


TRUTH = [(i, t, x == 1, u) for i, t, x, u in zip(IDS, TYPES, TEXTS, UNPADDED, strict=True)]


@pytest.mark.parametrize(
    ("move", "places"),
    [
        (lambda ids: ids[None], [0, 1, 2, 3, 4]),
        (lambda ids: ids[1:3], [1, 2]),
        (lambda ids: ids[torch.tensor([4, 0])], [4, 0]),
        (lambda ids: ids[torch.tensor([True, False, True, False, True])], [0, 2, 4]),
        (lambda ids: ids.expand(2, -1).clone(), [0, 1, 2, 3, 4] * 2),
        (lambda ids: torch.stack([ids, ids.flip(0)]), [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]),
        (lambda ids: torch.cat([ids[:2], ids[3:]]), [0, 1, 3, 4]),
        (lambda ids: torch.split(ids.repeat(3, 1), 2)[1], [0, 1, 2, 3, 4]),
        (lambda ids: next(iter(ids.expand(2, -1))), [0, 1, 2, 3, 4]),
        (lambda ids: ids.expand(3, 2, 5).flatten(0, 1)[4], [0, 1, 2, 3, 4]),
        (lambda ids: ids.to("cpu").contiguous(), [0, 1, 2, 3, 4]),
        (copy.deepcopy, [0, 1, 2, 3, 4]),
        (lambda ids: pickle.loads(pickle.dumps(ids)), [0, 1, 2, 3, 4]),
    ],
)
def test_moving_ids_moves_what_is_known_of_them(move, places):
    assert known(move(made())) == [TRUTH[place] for place in places]


def test_a_token_that_is_written_over_keeps_its_place():
    gone = torch.tensor([False, False, True, False, False])
    masked = made().masked_fill(gone, 5)
    changed = made().clone()
    changed[[1, 2]] = torch.tensor([11, 5])
    assert known(masked) == [(5, *TRUTH[2][1:]) if place == 2 else TRUTH[place] for place in range(5)]
    assert known(changed)[1] == (11, *TRUTH[1][1:]) and known(changed)[2] == (5, *TRUTH[2][1:])
    rows = made().expand(2, 5).clone()
    rows[0][torch.tensor([2])] = torch.tensor([6])
    assert known(rows[0])[2] == (6, *TRUTH[2][1:]) and known(rows[1])[2] == TRUTH[2]


def test_plain_ids_beside_others_are_of_one_text():
    joined = torch.cat([made(), torch.tensor([4, 4])])
    assert known(joined)[5:] == [(4, 0, False, 1)] * 2


def test_what_is_computed_from_ids_is_plain_and_what_would_lose_types_is_refused():
    ids = made()
    assert type(ids == 3) is not TokenIds and (ids == 3).tolist() == [False, False, False, True, False]
    assert type(ids.plain) is torch.Tensor and ids.tolist() == IDS and type(torch.zeros_like(ids)) is torch.Tensor
    for lossy in (lambda: ids + 1, lambda: ids.clamp(max=3), lambda: torch.where(ids > 2, ids, 0)):
        with pytest.raises(ValueError, match="would lose what the tokenizer said of each token"):
            lossy()


def test_ids_of_one_text_are_a_tensor_as_any_other():
    plain = torch.tensor([1, 2])
    assert TokenIds.of(plain, [0, 0], [None, 0], [1, 1]) is plain

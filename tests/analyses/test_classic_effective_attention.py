"""Effective attention, against least squares."""

import math
import re

import numpy as np
import pytest
import torch

from analyses.classic.effective_attention import _projected, effective_attention, simplex_effective_attention


def drawn(keys: int, dim: int, *, heads: int = 3, queries: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(keys * 100 + dim)
    weights = torch.randn(heads, queries, keys, generator=generator).softmax(dim=-1)
    return weights, torch.randn(heads, keys, dim, generator=generator)


@pytest.mark.parametrize(("keys", "dim"), [(12, 4), (5, 5), (4, 9)])
def test_each_row_is_its_least_squares_fit_by_the_values(keys: int, dim: int) -> None:
    weights, values = drawn(keys, dim)
    values[1, :, 0] = values[1, :, 1]  # one head's values have a lower rank
    found = effective_attention(weights, values)
    for head in range(3):
        columns = values[head].double().numpy()
        for query in range(4):
            row = weights[head, query].double().numpy()
            fit = columns @ np.linalg.lstsq(columns, row, rcond=None)[0]
            np.testing.assert_allclose(found.weights[head, query].numpy(), fit, atol=1e-10)
    expected = [np.linalg.matrix_rank(values[head].double().numpy()) for head in range(3)]
    assert found.rank.tolist() == expected
    assert found.is_identifiable == tuple(keys <= rank for rank in expected)


@pytest.mark.parametrize("method", [effective_attention, simplex_effective_attention])
def test_it_writes_the_same_and_forgets_the_null_space(method) -> None:  # type: ignore[no-untyped-def]
    weights, values = drawn(12, 4)
    found = method(weights, values)
    torch.testing.assert_close(found.weights @ values.double(), weights.double() @ values.double())
    # A direction that neither the values nor the row sums see.
    seen = torch.cat([values.double(), torch.ones(3, 12, 1, dtype=torch.float64)], dim=-1)
    nothing = torch.stack([torch.from_numpy(np.linalg.svd(each.numpy().T)[2][-1]) for each in seen])
    moved = method(weights.double() + nothing[:, None], values.double())
    torch.testing.assert_close(moved.weights, found.weights)
    torch.testing.assert_close(method(found.weights, values).identifiability, torch.ones(3, dtype=torch.float64))
    assert ((found.identifiability > 0) & (found.identifiability < 1)).all()


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_only_the_simplex_variant_keeps_row_sums(size: float) -> None:
    weights, values = drawn(12, 4)
    plain, simplex = (f(weights, values * size) for f in (effective_attention, simplex_effective_attention))
    ones = torch.ones(3, 4, dtype=torch.float64)
    torch.testing.assert_close(simplex.weights.sum(dim=-1), ones, atol=1e-6, rtol=0)
    assert (plain.weights.sum(dim=-1) - 1).abs().max() > 0.1
    assert simplex.rank.tolist() == [5, 5, 5] and plain.rank.tolist() == [4, 4, 4]


def test_values_of_zero_and_heads_without_weights() -> None:
    weights, values = drawn(6, 3)
    nothing = effective_attention(weights, torch.zeros_like(values))
    assert nothing.rank.tolist() == [0, 0, 0] and not nothing.weights.any()
    assert simplex_effective_attention(weights, torch.zeros_like(values)).rank.tolist() == [1, 1, 1]
    assert math.isnan(float(effective_attention(torch.zeros_like(weights), values).identifiability[0]))


def test_errors() -> None:
    weights, values = drawn(6, 3)
    message = "weights and values must have the same heads and keys, not [3, 4, 6] and [3, 5, 3]"
    with pytest.raises(ValueError, match=re.escape(message)):
        _projected(weights, values[:, 1:])  # the public functions' types are checked first in tests

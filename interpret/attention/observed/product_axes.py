"""Axes of a product of weights and values, as the letters of an einsum: `bhqk,bhkd->bhqd`."""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from interpret.attention.tracing.torch_functions import einsum_letters


@dataclass(frozen=True)
class ProductAxes:
    """Letters of the axes in a product of weights and values.

    Attributes:
        weights: Letters of the weights' axes.
        values: Letters of the values' axes.
        output: Letters of the product's axes.
        lead: Letters of examples and heads, in order.
        query: Letter of the query axis.
        key: Letter of the key axis, which is summed over.
        dim: Letter of the dimensions of a value vector.
    """

    weights: str
    values: str
    output: str
    lead: str
    query: str
    key: str
    dim: str

    @property
    def positions(self) -> set[int]:
        """Axes of queries and keys in weights and values, from the end."""
        wanted = ((self.weights, self.query), (self.weights, self.key), (self.values, self.key))
        return {letters.index(letter) - len(letters) for letters, letter in wanted}

    def sizes(self, weights: Tensor, values: Tensor) -> tuple[int, ...]:
        """Returns the sizes of the leading axes, which may be 1 or missing in one operand."""
        known = [*zip(self.weights, weights.shape, strict=True), *zip(self.values, values.shape, strict=True)]
        return tuple(max(size for name, size in known if name == letter) for letter in self.lead)

    def plain_weights(self, weights: Tensor, sizes: Sequence[int]) -> Tensor:
        """Returns weights as `[*lead, query, key]`."""
        return _plain(weights, self.weights, self.lead + self.query + self.key).expand(*sizes, -1, -1)

    def plain_values(self, values: Tensor, sizes: Sequence[int]) -> Tensor:
        """Returns values as `[*lead, key, dim]`."""
        return _plain(values, self.values, self.lead + self.key + self.dim).expand(*sizes, -1, -1)

    def plain_output(self, output: Tensor) -> Tensor:
        """Returns the product as `[*lead, query, dim]`."""
        return _plain(output, self.output, self.lead + self.query + self.dim)

    def own_output(self, plain: Tensor) -> Tensor:
        """Converts `[*lead, query, dim]` to the product's own order of axes, as a copy that a module may write into."""
        own = _plain(plain, self.lead + self.query + self.dim, self.output)
        return own.clone(memory_format=torch.contiguous_format)


def _plain(tensor: Tensor, letters: str, wanted: str) -> Tensor:
    missing = [letter for letter in wanted if letter not in letters]
    have = letters + "".join(missing)
    return tensor[(..., *[None] * len(missing))].permute([have.index(letter) for letter in wanted])


def matrix_letters(first: Tensor, second: Tensor) -> tuple[str, str, str] | None:
    """Returns the letters of `first @ second`; `None` for vectors."""
    if first.ndim < 2 or second.ndim < 2:
        return None
    lead = string.ascii_lowercase[: max(first.ndim, second.ndim) - 2]
    of_first, of_second = lead[len(lead) - first.ndim + 2 :], lead[len(lead) - second.ndim + 2 :]
    return f"{of_first}XY", f"{of_second}YZ", f"{lead}XZ"


def _axes_of_product(weights: str, values: str, output: str, axis: int) -> ProductAxes | None:
    """Finds the role of each letter in a product of values with weights that sum to 1 over `axis`.

    Returns:
        The axes, or `None` if this isn't weights times values: the axis isn't summed over, or there is no query.
    """
    key = weights[axis]
    queries = [letter for letter in weights if letter in output and letter not in values]
    dims = [letter for letter in values if letter in output and letter not in weights]
    if key not in values or key in output or not queries or not dims:
        return None
    query, dim = queries[-1], dims[-1]
    lead = "".join(dict.fromkeys(letter for letter in weights + values if letter not in query + key + dim))
    if set(lead + query + dim) != set(output):
        return None
    return ProductAxes(weights, values, output, lead, query, key, dim)


def operands_of(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
    """Returns the two operands of a product; an empty tuple for an einsum of another number of tensors.

    Args:
        name: Name of the function, such as "bmm".
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """
    given = [*args, *(value for key, value in kwargs.items() if key in ("input", "other", "mat2", "batch1", "batch2"))]
    if name == "einsum":
        given = list(given[1]) if len(given) == 2 and isinstance(given[1], tuple | list) else given[1:]
    elif name == "baddbmm":
        given = given[1:]
    return tuple(given) if len(given) == 2 and all(isinstance(tensor, Tensor) for tensor in given) else ()


def product_axes(
    name: str, args: tuple[Any, ...], operands: Sequence[Tensor], at: int, axis: int
) -> ProductAxes | None:
    """Finds the role of each axis in a product; `None` if it isn't weights times values.

    Args:
        name: Name of the function.
        args: Its positional arguments.
        operands: The two tensors that it multiplies.
        at: Index of the weights among them, 0 or 1.
        axis: Axis over which the weights sum to 1.
    """
    if name == "baddbmm":  # adds something to the product
        return None
    if name == "einsum":
        letters = einsum_letters(args[0], *operands) if isinstance(args[0], str) else None
    else:
        letters = matrix_letters(*operands)
    return None if letters is None else _axes_of_product(letters[at], letters[1 - at], letters[2], axis)

"""The axes of a product of weights and values, as letters: `bhqk,bhkd->bhqd`."""

import string
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Form:
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


def einsum_letters(equation: str, first: Tensor, second: Tensor) -> tuple[str, str, str] | None:
    """Returns the letters of an einsum of two tensors; `None` for equations of another form.

    An ellipsis gets letters of its own.
    """
    operands, arrow, output = equation.replace(" ", "").partition("->")
    names = operands.split(",")
    if not arrow or len(names) != 2:
        return None
    free = [letter for letter in string.ascii_letters if letter not in equation]
    wide = [tensor.ndim - len(name.replace("...", "")) for name, tensor in zip(names, (first, second), strict=True)]
    spare = "".join(free[: max(0, *wide)])
    parts = [name.replace("...", spare[len(spare) - extra :]) for name, extra in zip(names, wide, strict=True)]
    parts.append(output.replace("...", spare))
    if any(len(set(part)) < len(part) for part in parts):
        return None
    return parts[0], parts[1], parts[2]


def form_of(weights: str, values: str, output: str, axis: int) -> Form | None:
    """Finds the role of each letter in a product of values with weights that sum to 1 over `axis`.

    Returns:
        The form, or `None` if this isn't weights times values: the axis isn't summed over, or there is no query.
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
    return Form(weights, values, output, lead, query, key, dim)

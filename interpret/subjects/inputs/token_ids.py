"""Token ids that carry each token's type, its text, and whether it is padding.

This can't be told from ids alone: a separator that somebody types looks like one that the tokenizer adds. So it moves
along with the ids, and stays in place when a token is replaced by another.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

_REPLACING = {"__setitem__", "masked_fill", "masked_fill_", "index_fill", "index_copy"}
_FRESH = {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty"}
_MOVING = {
    *("__getitem__", "__get__", "clone", "detach", "contiguous", "to", "cpu", "cuda", "long", "select"),
    *("expand", "expand_as", "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute"),
    *("stack", "cat", "concat", "repeat", "repeat_interleave", "tile", "index_select", "flip", "roll"),
    *("split", "chunk", "unbind", "narrow"),
}
_USUAL = 0b11  # type 0, first text, no padding


class TokenIds(Tensor):
    """Token ids, `[*batch, token]`, with the type of each token, its text, and whether it is padding.

    Moving, copying and joining ids moves these marks too; a token that is replaced, as by a mask, keeps them. Other
    operations give a plain tensor, or raise `ValueError` if the result would pass for ids.
    """

    _marks: Tensor  # type * 8 + (text + 1) * 2 + (1 if not padding), packed into one tensor

    @classmethod
    def of(
        cls, ids: Int[Tensor, " token"], types: Iterable[int], texts: Iterable[int | None], unpadded: Iterable[int]
    ) -> Tensor:
        """Adds marks to ids; returns a plain tensor for one text of type 0 without padding.

        Args:
            ids: Token ids.
            types: Type of each token, at least 0.
            texts: 0 for tokens of the first text, 1 for those of the second, `None` for those that the tokenizer adds.
            unpadded: 0 for padding, else 1.
        """
        numbers = (-1 if text is None else text for text in texts)
        marks = [kind * 8 + (text + 1) * 2 + mark for kind, text, mark in zip(types, numbers, unpadded, strict=True)]
        if all(mark in (_USUAL, 0b01) for mark in marks):
            return ids
        return _with_marks(ids, torch.tensor(marks))

    @classmethod
    def with_marks(cls, ids: Int[Tensor, "*batch token"], marks: Int[Tensor, "*batch token"]) -> "TokenIds":
        """Adds the `marks` of other ids, such as saved ones."""
        return _with_marks(ids, marks)

    @property
    def marks(self) -> Int[Tensor, "*batch token"]:
        """Type, text and padding of each token, packed into one number."""
        return self._marks

    @property
    def types(self) -> Int[Tensor, "*batch token"]:
        """Type of each token."""
        return self._marks >> 3

    @property
    def in_second(self) -> Bool[Tensor, "*batch token"]:
        """True for tokens of the second text."""
        return (self._marks >> 1) % 4 == 2

    @property
    def unpadded(self) -> Int[Tensor, "*batch token"]:
        """1 for tokens that are no padding, else 0."""
        return self._marks & 1

    @property
    def plain(self) -> Int[Tensor, "*batch token"]:
        """Ids as a plain tensor."""
        return self.as_subclass(Tensor)

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Runs `func` on the ids, and again on their marks if it moves ids."""
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        with torch._C.DisableTorchFunctionSubclass():
            made = func(*args, **kwargs)
            if name in _REPLACING or name in _FRESH or not _has_ids(made):
                return _kept(made, args) if name in _REPLACING else made
            if name not in _MOVING:
                if any(isinstance(each, TokenIds) and each.shape == made.shape for each in args):
                    raise ValueError(f"{name} would lose what the tokenizer said of each token; take it of .plain")
                return made
            marks = func(*(_marks_of(each) for each in args), **_marks_of(kwargs))
            return _together(made, marks)

    def __deepcopy__(self, memo: dict[int, Any]) -> "TokenIds":
        return _with_marks(self.plain.clone(), self._marks.clone())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _with_marks, (self.plain, self._marks)


def plain_ids(ids: Int[Tensor, "*batch token"]) -> Int[Tensor, "*batch token"]:
    """Ids as a plain tensor, as models take them."""
    return ids.plain if isinstance(ids, TokenIds) else ids


def _with_marks(ids: Tensor, marks: Tensor) -> TokenIds:
    made: TokenIds = ids.as_subclass(TokenIds)
    made._marks = marks
    return made


def _has_ids(made: Any) -> bool:
    if isinstance(made, tuple | list):
        return bool(made) and all(_has_ids(each) for each in made)
    return isinstance(made, Tensor) and made.dtype == torch.int64 and made.ndim > 0


def _kept(made: Any, args: tuple[Any, ...]) -> Any:
    """Ids with some tokens replaced, which keep the marks of the old ones."""
    source = args[0] if args else None
    if not isinstance(made, Tensor) or not isinstance(source, TokenIds):
        return made
    return _with_marks(made.as_subclass(Tensor), source._marks)


def _marks_of(given: Any, *, is_joined: bool = False) -> Any:
    """Replaces ids in arguments by their marks; plain ids joined to marked ones get the default marks.

    Args:
        given: An argument, or several.
        is_joined: Whether it is in a list of tensors to be joined.
    """
    if isinstance(given, TokenIds):
        return given._marks
    if isinstance(given, tuple | list):
        joins = any(isinstance(each, TokenIds) for each in given) and all(isinstance(each, Tensor) for each in given)
        return type(given)(_marks_of(each, is_joined=joins) for each in given)
    if isinstance(given, dict):
        return {name: _marks_of(each) for name, each in given.items()}
    return torch.full_like(given, _USUAL) if is_joined and isinstance(given, Tensor) else given


def _together(made: Any, marks: Any) -> Any:
    if isinstance(made, tuple | list):
        return type(made)(_together(*pair) for pair in zip(made, marks, strict=True))
    return _with_marks(made.as_subclass(Tensor), marks)

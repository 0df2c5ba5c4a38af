"""Conversion of results to plain data and back, by the types of their fields.

Only what a type allows is made: dataclasses, tuples, sets, mappings, tensors, numbers and texts. Nothing in the data
says which code to run; of an abstract type, the data names one of its subclasses.
"""

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from inspect import isabstract
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import torch
from jaxtyping import AbstractArray
from torch import Tensor

from interpret.subjects.inputs.token_ids import TokenIds

LEFT_OUT = {"saved": False}  # metadata of a field that isn't saved and is its default after reading
_UNUSUAL = ("nan", "inf", "-inf")


class DamagedError(ValueError):
    """Data that doesn't fit the type it claims to be of."""


def field_types(kind: Any) -> dict[str, Any]:
    """Returns the types of a dataclass's saved fields, by name."""
    return _field_types(kind)


@cache
def _field_types(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind) if each.init and each.metadata.get("saved", True)}


def axes_of(hint: Any) -> tuple[str, ...]:
    """Returns the axes of a tensor's type, such as ("*example", "layer"); none for other types."""
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return tuple(hint.dim_str.split()) or ("*scalar",)
    return ("*any",) if hint is Tensor else ()


@dataclass(frozen=True)
class Data:
    """A result as plain data.

    Attributes:
        tree: Mappings, lists, numbers and texts; a tensor is the name under which it stands in `tensors`.
        tensors: The tensors by name, in memory of the CPU.
    """

    tree: Any
    tensors: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Any) -> "Data":
        """Converts a dataclass."""
        tensors: dict[str, Tensor] = {}
        return cls(_to_data(result, type(result), "", tensors), tensors)

    def restored(self, kind: type) -> Any:
        """Makes the dataclass again.

        Raises:
            DamagedError: The data doesn't fit the type.
        """
        try:
            return _from_data(self.tree, kind, "", self.tensors)
        except (KeyError, TypeError) as error:
            raise DamagedError("its content is not that of its type") from error


def _to_data(value: Any, hint: Any, place: str, tensors: dict[str, Tensor]) -> Any:
    if hint is Any or value is None:
        return value
    options = _options(hint, value)
    if len(options) > 1:
        number = next(index for index, option in enumerate(options) if _fits(value, option))
        return {"option": number, "value": _to_data(value, options[number], place, tensors)}
    hint = options[0]
    if isinstance(value, Tensor):
        return _tensor_to_data(value, place, tensors)
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return value if math.isfinite(value) else str(float(value))
    if is_dataclass(value):
        hints = field_types(type(value))
        made = {name: _to_data(getattr(value, name), hints[name], _below(place, name), tensors) for name in hints}
        return {"kind": type(value).__name__, **made} if isabstract(hint) else made
    if isinstance(value, Mapping):
        of = get_args(hint)[1]
        return {name: _to_data(each, of, _below(place, name), tensors) for name, each in value.items()}
    items = sorted(value) if isinstance(value, frozenset) else list(value)
    return [
        _to_data(each, of, _below(place, index), tensors)
        for index, (each, of) in enumerate(zip(items, _item_types(hint, len(items)), strict=True))
    ]


def _tensor_to_data(value: Tensor, place: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, TokenIds):
        tensors[place], tensors[f"{place}.marks"] = value.plain.cpu().clone(), value.marks.cpu().clone()
    else:
        tensors[place] = value.detach().cpu().contiguous().clone()
    return {"tensor": place}


def _from_data(data: Any, hint: Any, place: str, tensors: Mapping[str, Tensor]) -> Any:
    if hint is Any:
        return data
    options = _options(hint, data)
    if len(options) > 1:
        _require(isinstance(data, dict) and data.get("option") in range(len(options)), place)
        return _from_data(data["value"], options[data["option"]], place, tensors)
    hint = options[0]
    if hint is type(None):
        return None
    if axes := axes_of(hint):
        return _tensor_from_data(data, axes, place, tensors)
    if get_origin(hint) is Literal:
        _require(data in get_args(hint), place)
        return data
    if hint in _SCALARS:
        return _SCALARS[hint](data, place)
    if isinstance(hint, type) and (is_dataclass(hint) or isabstract(hint)):
        return _dataclass_from_data(data, hint, place, tensors)
    origin = get_origin(hint)
    if origin is dict:
        _require(isinstance(data, dict), place)
        of = get_args(hint)[1]
        return {name: _from_data(each, of, _below(place, name), tensors) for name, each in data.items()}
    _require(isinstance(data, list), place)
    kinds = _item_types(hint, len(data))
    _require(len(kinds) == len(data), place)
    return origin(
        _from_data(each, of, _below(place, index), tensors)
        for index, (each, of) in enumerate(zip(data, kinds, strict=True))
    )


def _dataclass_from_data(data: Any, kind: type, place: str, tensors: Mapping[str, Tensor]) -> Any:
    _require(isinstance(data, dict), place)
    if isabstract(kind):
        subclasses: list[type] = kind.__subclasses__()
        known = {each.__name__: each for each in subclasses}
        _require(data.get("kind") in known, place)
        kind, data = known[data["kind"]], {name: each for name, each in data.items() if name != "kind"}
    hints = field_types(kind)
    _require(set(data) <= set(hints), place)
    missing = {each.name for each in fields(kind) if each.name in hints and _is_needed(each)} - set(data)
    if missing:
        raise DamagedError(f"{_shown(_below(place, min(missing)))} is missing")
    return kind(**{name: _from_data(each, hints[name], _below(place, name), tensors) for name, each in data.items()})


def _tensor_from_data(data: Any, axes: tuple[str, ...], place: str, tensors: Mapping[str, Tensor]) -> Tensor:
    _require(isinstance(data, dict) and data.get("tensor") in tensors, place)
    found, marks = tensors[data["tensor"]], tensors.get(f"{data['tensor']}.marks")
    needed = [axis for axis in axes if not axis.startswith(("*", "..."))]
    has_all = found.ndim == len(needed) or (found.ndim > len(needed) and len(axes) > len(needed))
    _require(has_all, place)
    return found if marks is None else TokenIds.with_marks(found, marks)


def _options(hint: Any, value: Any) -> tuple[Any, ...]:
    """Types that a value can be of: several only where a union has more than one beside `None`."""
    if get_origin(hint) not in (Union, types.UnionType):
        return (hint,)
    if value is None:
        return (type(None),)
    return tuple(each for each in get_args(hint) if each is not type(None))


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    return isinstance(value, Tensor if axes_of(hint) else get_origin(hint) or hint)


def _item_types(hint: Any, count: int) -> list[Any]:
    kinds = get_args(hint)
    return [kinds[0]] * count if get_origin(hint) is frozenset or kinds[-1] is Ellipsis else list(kinds)


def _is_needed(each: "Field[Any]") -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _number(data: Any, place: str) -> float:
    _require((isinstance(data, int | float) and not isinstance(data, bool)) or data in _UNUSUAL, place)
    return float(data)


def _exactly(kind: type) -> Callable[[Any, str], Any]:
    def checked(data: Any, place: str) -> Any:
        _require(type(data) is kind, place)
        return data

    return checked


_SCALARS: dict[Any, Callable[[Any, str], Any]] = {
    float: _number,
    **{kind: _exactly(kind) for kind in (int, str, bool)},
}


def _below(place: str, name: str | int) -> str:
    return f"{place}.{name}" if place else str(name)


def _shown(place: str) -> str:
    return place or "the result"


def _require(is_so: bool, place: str) -> None:
    if not is_so:
        raise DamagedError(f"{_shown(place)} is not what its type says")


def equal_tensors(one: Tensor, other: Tensor) -> bool:
    """Returns whether two tensors have the same type, shape and numbers, NaN in the same places included."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return torch.equal(one, other) or bool(((one == other) | (one.isnan() & other.isnan())).all())

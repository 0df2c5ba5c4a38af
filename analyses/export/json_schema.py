"""JSON Schema of a document that is declared as a `TypedDict`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from typing_extensions import is_typeddict

DIALECT = "https://json-schema.org/draft/2020-12/schema"

JsonSchema = dict[str, Any]  # what a schema may hold is open by its standard


@dataclass(frozen=True)
class Between:
    """Range of a number, for `Annotated`.

    Attributes:
        low: Smallest value; `None` without one.
        high: Largest value; `None` without one.
    """

    low: float | None = None
    high: float | None = None


Share = Annotated[float, Between(0, 1)]  # a part of a whole, or a probability
Correlation = Annotated[float, Between(-1, 1)]
Count = Annotated[int, Between(0)]  # also an index, from 0

Kind = TypeVar("Kind", bound=type)
_WRITTEN_AS: dict[str, type] = {}  # results, by the names of the types of their JSON
_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
_FIELD = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)$", re.MULTILINE)


def json_schema(document: type, *, closed: bool = False) -> JsonSchema:
    """Returns the JSON Schema of a document, with the meanings of its fields.

    Types are declared as usual. A tuple is a list with a fixed length, a range is given by `Annotated[float,
    Between(0, 1)]`, and meanings stand under "Attributes" in the docstrings.

    Args:
        document: A `TypedDict`.
        closed: Whether fields that aren't declared are forbidden. A published schema is open, since later versions may
            add fields.

    Raises:
        TypeError: A type has no counterpart in JSON.
    """
    definitions: dict[str, JsonSchema] = {}
    whole = _schema(document, definitions, closed)
    return {"$schema": DIALECT, **whole, "$defs": dict(sorted(definitions.items()))}


def _schema(kind: Any, definitions: dict[str, JsonSchema], closed: bool) -> JsonSchema:
    origin, parts = get_origin(kind), get_args(kind)

    def each(part: Any) -> JsonSchema:
        return _schema(part, definitions, closed)

    if is_typeddict(kind):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # known before its fields are read, which may refer to it
            definitions[kind.__name__] = _object(kind, definitions, closed)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin is Annotated:
        limits = {"minimum": parts[1].low, "maximum": parts[1].high}
        return {**each(parts[0]), **{name: limit for name, limit in limits.items() if limit is not None}}
    if origin is NotRequired:
        return each(parts[0])
    if origin is Literal:
        return {"enum": list(parts)}
    if origin in (Union, UnionType):
        return {"anyOf": [each(part) for part in parts]}
    if origin is list:
        return {"type": "array", "items": each(parts[0])}
    if origin is tuple:
        places = [each(part) for part in parts]
        return {"type": "array", "prefixItems": places, "minItems": len(parts), "maxItems": len(parts)}
    if origin is dict:
        return {"type": "object", "additionalProperties": each(parts[1])}
    if kind not in _NAMES:
        raise TypeError(f"{kind!r} has no counterpart in JSON; declare fields as str, int, list[...] or a TypedDict")
    return {"type": _NAMES[kind]}


def _object(kind: Any, definitions: dict[str, JsonSchema], closed: bool) -> JsonSchema:
    hints, meanings = get_type_hints(kind, include_extras=True), field_meanings(kind)
    fields = {name: _schema(hint, definitions, closed) for name, hint in hints.items()}
    described = {name: {**fields[name], "description": meanings[name]} for name in hints}
    return {
        "type": "object",
        "description": cleandoc(kind.__doc__).split("\n")[0],
        "properties": described,
        "required": [name for name in hints if name in kind.__required_keys__],
        **({"additionalProperties": False} if closed else {}),
    }


def field_meanings(kind: Any) -> dict[str, str]:
    """Returns the meaning of each field of a `TypedDict`.

    They stand in its docstring, in those of the types it extends, or in that of the result it is `written_as`.

    Raises:
        TypeError: A field has no meaning, or a meaning has no field.
    """
    hints = get_type_hints(kind)
    result = _WRITTEN_AS.get(kind.__name__)
    found = {name: meaning for name, meaning in _listed(result).items() if name in hints} if result else {}
    for base in getattr(kind, "__orig_bases__", ()):
        if is_typeddict(base):
            found |= field_meanings(base)
    found |= _listed(kind)
    if strays := found.keys() ^ hints.keys():
        raise TypeError(f"{kind.__name__} must say what each field means under 'Attributes'; see {sorted(strays)}")
    return found


def written_as(result: type) -> Callable[[Kind], Kind]:
    """Marks a `TypedDict` as the JSON of a result, whose docstring says what fields of the same name mean."""

    def mark(kind: Kind) -> Kind:
        _WRITTEN_AS[kind.__name__] = result
        return kind

    return mark


def _listed(kind: type) -> dict[str, str]:
    """Meanings under "Attributes" in a docstring."""
    _, _, listed = cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    return {name: " ".join(meaning.split()) for name, meaning in _FIELD.findall(listed)}

"""Digests of the code of a user's own methods, by which a study knows its methods again."""

import hashlib
import inspect
from collections.abc import Sequence
from types import CodeType
from typing import Any

from analyses.explanations.built_in import BUILT_IN
from analyses.explanations.method import Method


def digests(methods: Sequence[Method]) -> dict[str, str]:
    """Returns the SHA-256 of each method that isn't built in, by its name.

    It covers the source of the function (its compiled code, where there is no source), not what the function calls.

    Args:
        methods: Methods, of which built-in ones are left out: they change with the version of this package only.
    """
    return {each.name: hashlib.sha256(_code(each.explain)).hexdigest() for each in methods if each not in BUILT_IN}


def _code(explain: Any) -> bytes:
    try:
        return inspect.getsource(explain).encode()
    except (OSError, TypeError):  # a function typed at a prompt, or an object that is called
        return _compiled(getattr(explain, "__code__", type(explain).__call__.__code__))


def _compiled(code: CodeType) -> bytes:
    """Instructions, constants and names, without the addresses of functions within."""
    constants = [_compiled(each) if isinstance(each, CodeType) else repr(each).encode() for each in code.co_consts]
    return b"|".join([code.co_code, *constants, *(name.encode() for name in code.co_names)])

"""Where a classifier made of a language model reads its decision: at the last token that isn't padding."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NONE = -1  # the id of no token

_lock = threading.Lock()
_open: dict[int, int] = {}  # by id of a config that lives as long: how many blocks are open


@contextmanager
def without_padding(config: Any) -> Iterator[None]:
    """Lets a classifier without a pad token read several inputs at once, each at its last token, until the block ends.

    Such models refuse more than one input, since they can't tell where padding begins; inputs here have none. A model
    that has a pad token is left to find it by itself, as in a call of its user.

    Args:
        config: Of transformers, with the pad token; left as it was by the last block that ends.
    """
    with _lock:
        if config.pad_token_id is not None and id(config) not in _open:
            blocks = None
        else:
            blocks = _open[id(config)] = _open.get(id(config), 0) + 1
            config.pad_token_id = _NONE
    try:
        yield
    finally:
        if blocks is not None:
            with _lock:
                _open[id(config)] -= 1
                if not _open[id(config)]:
                    del _open[id(config)]
                    config.pad_token_id = None

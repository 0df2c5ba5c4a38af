"""Batches of equal length for causal classifiers without a pad token, which are read at the last token."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NONE = -1  # the id of no token

_lock = threading.Lock()
_open: dict[int, int] = {}  # number of open blocks, by id() of their config


@contextmanager
def without_padding(config: Any) -> Iterator[None]:
    """Lets a classifier without a pad token read a batch, each input at its last token, until the block ends.

    Such models refuse batches, because they can't tell where padding begins; inputs here have none. A model with a pad
    token is left alone, as in the user's own call.

    Args:
        config: Config of transformers that holds the pad token; the last block that ends restores it.
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

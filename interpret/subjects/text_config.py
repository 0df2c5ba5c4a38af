"""Config of the part of a model that reads texts."""

from typing import Any


def text_config(config: Any) -> Any:
    """Returns the text config inside a transformers config; any other config, or `None`, as it is."""
    return config.get_text_config() if hasattr(config, "get_text_config") else config

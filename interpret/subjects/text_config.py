"""The settings of the part of a model that reads texts."""

from typing import Any


def text_config(config: Any) -> Any:
    """That part of a transformers config, where it has several; any other config as it is, `None` too."""
    return config.get_text_config() if hasattr(config, "get_text_config") else config

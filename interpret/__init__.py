"""Reads, edits and questions the attention of a transformer.

    import interpret

    subject = interpret.load("path/to/model")
    with interpret.recording(subject.model) as record:
        ...

The names are in `__init__.pyi`; each is imported when it is first used, so that `import interpret` takes no time.
"""

import lazy_loader

from interpret.moved import keep_former_paths

_imported, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
keep_former_paths(__name__)


def __getattr__(name: str) -> object:
    return _version() if name == "__version__" else _imported(name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("interpret-attention")
    except PackageNotFoundError:
        return "0+unknown"

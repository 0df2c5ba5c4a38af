"""Analyses of attention and of decisions.

    from analyses import analyze, attention_rollout, faithfulness, head_importance

`analyze` runs them on one text, and `read` reads what a result's `save` wrote. The names are in `__init__.pyi`; each is
imported when it is first used.
"""

from typing import Any

import lazy_loader

from interpret.moved import keep_former_paths

SHORT = {  # other names of some functions
    "ablate_heads": "head_importance",
    "agreement": "rank_agreement",
    "entropy": "attention_entropy",
    "patterns": "attention_patterns",
    "received": "attention_received",
    "rollout": "attention_rollout",
}

_imported, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += list(SHORT)
keep_former_paths(__name__)


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    return _imported(SHORT.get(name, name))

"""Analyses of attention and of decisions.

    from analyses import analyze, attention_rollout, faithfulness, head_importance

`analyze` runs them on one text. The names are in `__init__.pyi`; each is imported when it is first used.
"""

import lazy_loader

from interpret.moved import keep_former_paths

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
keep_former_paths(__name__)

"""Analyses of single heads: ablation, its gradient estimate, and heads that prefer one word pair to another."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"ablation": ["HeadImportance", "head_importance", "head_importances"]}
)

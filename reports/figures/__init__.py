"""Figures for papers, drawn with seaborn and matplotlib."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"analysis": ["save_figures"]})

"""Configuration of the site, which Sphinx builds from this folder: `sphinx-build -W docs site`.

Sphinx, since MkDocs has had no release since 2024 and its theme Material ended in November 2026. Nothing on the built
pages is fetched: no web fonts, no scripts of others, formulas in MathML, search from an index beside the pages.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "interpret"
copyright = "the authors of interpret"
html_title = "interpret"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_parser",
    "mathml",
    "cells",
    "commands",
    "inherited",
    "methods",
    "notebooks",
    "language_models",
]
exclude_patterns = ["extensions", "templates"]
templates_path = ["templates"]
default_role = "code"  # docstrings write code between single backticks

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 100
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # signatures have the types
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "substitution"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
alone = ("start", "recipes", "tasks", "gallery", "verdicts", "faq")  # pages without neighbours
html_sidebars = {name: [] for name in alone}
html_show_sphinx = False
html_show_sourcelink = False
html_show_search_summary = False  # the search would fetch pages, which browsers forbid to pages from the disk
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "interpret"},
    "navbar_align": "left",
    "header_links_before_dropdown": 10,
    "article_header_start": [],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

"""Presentation of results: HTML pages (`reports.analysis.page`) and figures for papers (`reports.figures.analysis`)."""

from interpret.moved import keep_former_paths

keep_former_paths(__name__)

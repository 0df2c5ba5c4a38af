"""Presentation of results: HTML pages (`reports.analysis.page`) and figures for papers (`reports.figures.analysis`)."""

"""Results as people read them: pages (`reports.analysis.page`) and figures for papers (`reports.figures.analysis`)."""

"""Analyses as people read them: one page (`reports.page`) and figures for papers (`reports.figures`)."""

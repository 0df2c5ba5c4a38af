"""Figures for papers, drawn with seaborn and matplotlib."""

"""Figures for papers, drawn by seaborn and matplotlib."""

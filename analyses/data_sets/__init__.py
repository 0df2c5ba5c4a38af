"""Data sets as rows of text and label, from files or the hub, with notes of what was left out."""

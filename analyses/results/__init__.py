"""What every result can do: a short text, a table, a picture, HTML for notebooks, and files that are read back."""

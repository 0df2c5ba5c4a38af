"""Data sets as rows of text and label, from files or the Hugging Face Hub, with notes on rows left out."""

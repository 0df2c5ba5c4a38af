"""The page of one analysis: `page.py` writes it, `view.py` orders what it shows, `wording.py` says it in sentences."""

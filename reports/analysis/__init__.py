"""Page of one analysis: `page.py` renders it, `view.py` prepares its data, `wording.py` its sentences."""

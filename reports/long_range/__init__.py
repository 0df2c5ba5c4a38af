"""Page of a knockout: what a decision loses when attention is cut, and how far back it looks."""

"""Long range: what a decision loses when attention is cut by distance, direction, layer, head or word."""

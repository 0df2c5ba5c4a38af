"""Text generation: every generated token explained as a decision of its own."""

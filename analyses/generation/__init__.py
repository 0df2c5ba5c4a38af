"""Text that a model writes: every token explained as a decision of its own."""

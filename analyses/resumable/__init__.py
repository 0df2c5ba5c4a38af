"""Work in chunks that can be stopped at any moment and taken up again, and its folder."""

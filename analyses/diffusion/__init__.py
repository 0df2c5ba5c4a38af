"""Images that are painted from a text: a heat map of each word."""

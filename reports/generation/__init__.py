"""Page of a generated text, token by token."""

"""Page of a study: one verdict over many texts."""

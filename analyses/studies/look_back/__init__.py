"""How far back the decisions of a study look."""

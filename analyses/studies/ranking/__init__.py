"""How well explanations find what a model decides by, over the texts of a study."""

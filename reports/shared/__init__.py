"""Building blocks of every page: templates and their policy, numbers as text, colours, charts."""

"""Building blocks of every page: templates and their security policy, number formats, colours, charts."""

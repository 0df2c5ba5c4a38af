"""Adapters that give analyses a uniform view of a model, one for each task; `interpret.load` picks one."""

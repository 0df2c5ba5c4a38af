"""Models under examination, one adapter for each task. `interpret.load` finds the right one."""

"""A model under examination, seen the same way whatever its task; `interpret.load` picks the task.

`task_model.py` is the face that a task fills in, `subject.py` what is asked of any task, and `decision.py` a decision.
`tasks/` has one file for each task. `inputs/` has texts, words, tokens and patches; `models/` is about models alone.
"""

"""Attention of a forward pass: recording it, editing it, and checking that what was read is what ran.

`interface.py` is the entry point to a model's attention, `recording.py` and `edits.py` are what users call, and each
`*_call.py` file is one kind of recorded attention call. `observed/` reads modules that bypass the interface.
"""

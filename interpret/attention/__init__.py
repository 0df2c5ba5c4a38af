"""Attention of a forward pass: recording it, editing it, and checks that what was read is what ran.

`interface.py` is where every model's attention is reached, `recording.py` and `edits.py` are what users call, and the
`*_call.py` files are one attention call each way it can be known. `observed/` reads modules that bypass the interface.
"""

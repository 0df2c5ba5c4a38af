"""The machine and other libraries: files, memory, processes, their output, and their errors in one line."""

"""Files, memory and processes of the machine, and the output and errors of other libraries."""

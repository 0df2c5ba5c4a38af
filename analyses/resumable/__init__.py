"""Work in chunks that can be interrupted at any moment and resumed, and the folder that stores it."""

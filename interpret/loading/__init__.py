"""Loading of models by name: folders, GGUF files, the hub and native models."""

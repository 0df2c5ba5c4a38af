"""From a name to a subject: folders, GGUF files, the hub and native models, refused in one line when damaged."""

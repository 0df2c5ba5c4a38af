"""Statistics of attention maps, read block by block: entropy, fixed patterns, attention received, pooled maps."""

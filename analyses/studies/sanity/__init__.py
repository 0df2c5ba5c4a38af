"""Whether explanations of a study change with the model's weights, and with nothing else."""

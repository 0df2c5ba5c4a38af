"""Single heads: ablation, its estimate by gradients, and heads that attend to one word rather than another."""

"""Analyses of single heads: ablation, its gradient estimate, and heads that prefer one word pair to another."""

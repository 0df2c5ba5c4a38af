"""Attention of any kind in plain Python, one number at a time: slow, obvious, for tests of kernels."""

from collections.abc import Callable
from math import exp, sqrt

import torch
from torch import Tensor

Strength = Callable[[list[float], list[float]], float]


def softmax_strength(question: list[float], answer: list[float]) -> float:
    """exp(q·k / √d): rows of these, divided by their sums, are a softmax."""
    return exp(sum(x * y for x, y in zip(question, answer, strict=True)) / sqrt(len(question)))


def elu_strength(question: list[float], answer: list[float]) -> float:
    """φ(q)·φ(k) with φ(x) = elu(x) + 1."""

    def feature(x: float) -> float:
        return (x if x > 0 else exp(x) - 1) + 1

    return sum(feature(x) * feature(y) for x, y in zip(question, answer, strict=True))


def attention_by_loops(
    query: Tensor, key: Tensor, value: Tensor, sees: Callable[[int, int, int], bool], strength: Strength
) -> tuple[Tensor, Tensor]:
    """Outputs `[batch, query, head, dim]` and weights `[batch, head, query, key]`; `sees` takes example, query, key."""
    batch, heads, queries, _ = query.shape
    keys = key.shape[2]
    weights = torch.zeros(batch, heads, queries, keys, dtype=torch.float64)
    output = torch.zeros(batch, queries, heads, value.shape[3], dtype=torch.float64)
    for b in range(batch):
        for h in range(heads):
            shared = h * key.shape[1] // heads
            questions, answers = query[b, h].tolist(), key[b, shared].tolist()
            for i in range(queries):
                row = [strength(questions[i], answers[j]) if sees(b, i, j) else 0.0 for j in range(keys)]
                for j in range(keys):
                    if row[j] > 0:
                        weights[b, h, i, j] = row[j] / sum(row)
                        output[b, i, h] += weights[b, h, i, j] * value[b, shared, j].detach().double()
    return output, weights

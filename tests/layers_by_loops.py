"""Attention layers of known architectures written out position by position, in float64, from their named modules."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from images_for_tests import save_noise, tiny_vision
from subjects_for_tests import VOCABULARY, ToySubject, tiny_bert, tiny_llama
from torch import Tensor, nn
from translators_for_tests import save_translator

import interpret
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

TEXT = "the plot drags but is un_like_able"
Vector = np.ndarray


@dataclass(frozen=True)
class Names:
    """Names of one attention layer's modules: values, output projection, norms after its sum and after the next one."""

    layer: str
    value: str
    out: str
    residual_of: str | None = None  # the module whose output is the skip connection; by default the layer's input
    norm: str | None = None
    next_norm: str | None = None
    rows: str = "all"
    keys: str = "all"


@dataclass(frozen=True)
class LayerByLoops:
    """One layer: `heads[h][i][j]` is the weighted value that `j` gives to `i` by head `h`, after the projection."""

    heads: np.ndarray
    residual: np.ndarray
    output: np.ndarray
    norm: Callable[[Vector, int], Vector]
    next_norm: Callable[[Vector, int], Vector]
    rows: list[int]
    keys: list[int]
    length: int

    def added(self, i: int, j: int) -> Vector:
        """What position `j` adds to row `i` by attention, before the sum."""
        return sum((self.heads[h][i][j] for h in range(len(self.heads))), np.zeros(self.residual.shape[1]))

    def transformed(self, i: int, position: int) -> Vector:
        """T_i(x_j): what a position of the input adds to row `i` in all."""
        total = np.zeros(self.residual.shape[1])
        if position in self.keys:
            total = total + self.added(i, self.keys.index(position))
        if position == self.rows[i]:
            total = total + self.residual[i]
        return self.norm(total, i)


BERT = Names("bert.encoder.layer.{}", "attention.self.value", "attention.output.dense",
             norm="attention.output.LayerNorm", next_norm="output.LayerNorm")  # fmt: skip
GPT2 = Names("transformer.h.{}", "attn.c_attn", "attn.c_proj")
LLAMA = Names("model.layers.{}", "self_attn.v_proj", "self_attn.o_proj")
VIT = Names("vit.layers.{}", "attention.v_proj", "attention.o_proj")
_MARIAN = {"norm": "self_attn_layer_norm", "value": "self_attn.v_proj", "out": "self_attn.out_proj"}
MARIAN_ENCODER = Names("model.encoder.layers.{}", **_MARIAN, next_norm="final_layer_norm", rows="source", keys="source")
MARIAN_SELF = Names("model.decoder.layers.{}", **_MARIAN, rows="target", keys="target")
MARIAN_CROSS = Names("model.decoder.layers.{}", "encoder_attn.v_proj", "encoder_attn.out_proj",
                     residual_of="self_attn_layer_norm", norm="encoder_attn_layer_norm", next_norm="final_layer_norm",
                     rows="target", keys="source")  # fmt: skip


def tiny_gpt2() -> ToySubject:
    """A random GPT-2 of two layers that predicts the next token."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=len(VOCABULARY), n_embd=32, n_layer=2, n_head=4, n_positions=64,
                        initializer_range=0.3, bos_token_id=5, eos_token_id=3)  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(config)
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "ln_" in name:
                nn.init.normal_(parameter, mean=float("weight" in name), std=0.3)
    return ToySubject(model, before=("<s>",), after=(), mask=False, is_causal=True)


def cases(folder: Path) -> dict[str, tuple[Subject, Example, list[tuple[Names, int]]]]:
    """Subjects with an input, and the names of each of their attention calls in order."""
    bert, gpt2, llama, vit = tiny_bert(), tiny_gpt2(), tiny_llama(), tiny_vision("vit")
    _loosen(bert.model)
    save_translator(folder / "marian", "marian")
    marian = interpret.load(folder / "marian")
    decoder = [(names, layer) for layer in (0, 1) for names in (MARIAN_SELF, MARIAN_CROSS)]
    picture = vit.encode(save_noise(folder / "noise.png"))
    return {
        "bert": (bert, bert.encode(TEXT), [(BERT, layer) for layer in range(3)]),
        "gpt2": (gpt2, gpt2.encode(TEXT), [(GPT2, layer) for layer in range(2)]),
        "llama": (llama, llama.encode(TEXT), [(LLAMA, layer) for layer in range(2)]),
        "vit": (vit, picture, [(VIT, layer) for layer in range(2)]),
        "marian": (marian, marian.encode("the plot drags"), [(MARIAN_ENCODER, 0), (MARIAN_ENCODER, 1), *decoder]),
    }


def layers_by_loops(subject: Subject, example: Example, calls: list[tuple[Names, int]]) -> list[LayerByLoops]:
    """Runs the model once with hooks on the named modules, and writes each layer out."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def keep(name: str, _: nn.Module, args: Any, kwargs: Any, answer: Any) -> None:
        given = args[0] if args else kwargs.get("hidden_states")
        seen[name] = (given, answer[0] if isinstance(answer, tuple) else answer)

    with ExitStack() as stack:
        for name, module in subject.model.named_modules():
            stack.callback(module.register_forward_hook(partial(keep, name), with_kwargs=True).remove)
        with interpret.recording(subject.model) as record:
            subject.logits(example.ids[None])
    return [_layer(subject, record, seen, number, *call, len(example.ids)) for number, call in enumerate(calls)]


def _layer(
    subject: Subject, record: Any, seen: Any, number: int, names: Names, layer: int, length: int
) -> LayerByLoops:
    prefix = names.layer.format(layer)
    weights = _numbers(record.weights(number))
    heads, queries, keys = weights.shape
    values = _numbers(seen[f"{prefix}.{names.value}"][1])
    projection = subject.model.get_submodule(f"{prefix}.{names.out}")
    matrix = projection.weight.detach().double().numpy()
    matrix = matrix.T if isinstance(projection, nn.Linear) else matrix  # [input, output]
    width = matrix.shape[0] // heads
    values = values[:, -width * _value_heads(subject, heads) :]  # of GPT-2, the last third
    parts = np.zeros((heads, queries, keys, matrix.shape[1]))
    for h in range(heads):
        group = h * _value_heads(subject, heads) // heads
        for j in range(keys):
            value = values[j, group * width : (group + 1) * width] @ matrix[h * width : (h + 1) * width]
            for i in range(queries):
                parts[h, i, j] = weights[h, i, j] * value
    residual = seen[prefix][0] if names.residual_of is None else seen[f"{prefix}.{names.residual_of}"][1]
    written = _numbers(seen[f"{prefix}.{names.out}"][1])
    output = _numbers(residual) + written if names.norm is None else _numbers(seen[f"{prefix}.{names.norm}"][1])
    spans = {"all": (0, length), "source": (0, _source(example_length=length, record=record)),
             "target": (_source(example_length=length, record=record), length)}  # fmt: skip
    return LayerByLoops(
        parts, _numbers(residual), output, _norm(subject, seen, prefix, names.norm),
        _norm(subject, seen, prefix, names.next_norm), list(range(*spans[names.rows])), list(range(*spans[names.keys])),
        length,
    )  # fmt: skip


def _value_heads(subject: Subject, heads: int) -> int:
    return getattr(subject.model.config, "num_key_value_heads", None) or heads


def _source(example_length: int, record: Any) -> int:
    """Number of positions of the source text: the keys of the first call."""
    return min(example_length, record.weights(0).shape[-1])


def _norm(subject: Subject, seen: Any, prefix: str, name: str | None) -> Callable[[Vector, int], Vector]:
    """A layer norm's linear part, its standard deviation that of the pass."""
    if name is None:
        return lambda vector, _: vector
    module = subject.model.get_submodule(f"{prefix}.{name}")
    given, gamma = _numbers(seen[f"{prefix}.{name}"][0]), module.weight.detach().double().numpy()

    def linear(vector: Vector, i: int) -> Vector:
        deviation = np.sqrt(((given[i] - given[i].mean()) ** 2).mean() + module.eps)
        return gamma * (vector - vector.mean()) / deviation

    return linear


def _numbers(tensor: Tensor) -> np.ndarray:
    """The only input of a batch, in float64."""
    return tensor.detach()[0].double().numpy()


def _loosen(model: nn.Module) -> None:
    """Gives every norm and bias numbers of its own, which begin as ones and zeros."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(1)
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                nn.init.normal_(parameter, mean=float(name.endswith("weight")), std=0.3)


def each_row(layers: list[LayerByLoops]) -> Iterator[tuple[int, LayerByLoops, int, int]]:
    """Yields each layer's index, the layer, a row and its position in the input."""
    for number, layer in enumerate(layers):
        for i, position in enumerate(layer.rows):
            yield number, layer, i, position

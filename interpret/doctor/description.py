"""Description of a model: its task, its sizes, and the shape of its attention and how it is captured."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from interpret.attention.call import AttentionCall
from interpret.attention.recording import recording
from interpret.doctor.building import MODEL_MAPPINGS, class_names
from interpret.doctor.sampling import sample_inputs
from interpret.projections.scores import model_scores
from interpret.subjects.models.facts import attention_kernel, text_config


@dataclass(frozen=True)
class CallShape:
    """The heads of one attention call.

    Attributes:
        heads: Number of query heads.
        key_heads: Number of key and value heads.
        width: Dimension of a query and a key.
        value_width: Dimension of a value.
    """

    heads: int
    key_heads: int
    width: int
    value_width: int


@dataclass(frozen=True)
class Description:
    """Description of a model.

    Attributes:
        name: The user's name for it.
        model_class: Name of its class.
        architecture: Transformers' name, such as "bert"; "native" for a model of this package.
        task: Its task.
        layers: Number of layers that its config declares; `None` if it doesn't.
        calls: Its attention calls in the order in which they run, as far as they can be read.
        kernel: Its attention implementation, such as "sdpa".
        dtype: Precision of its weights, such as "float32".
        parameters: Number of parameters; shared ones count once.
        way_in: The way in which its attention is captured.
        longest: Most tokens that it has positions for, if its config says.
    """

    name: str
    model_class: str
    architecture: str
    task: str
    layers: int | None
    calls: tuple[CallShape, ...]
    kernel: str
    dtype: str
    parameters: int
    way_in: str
    longest: int | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def describe_model(name: str, model: nn.Module, task: str) -> Description:
    """Describes a model, from its config and one small forward pass.

    Args:
        name: The user's name for it.
        model: A transformers model or a native one.
        task: Its task.
    """
    with torch.no_grad(), recording(model) as record:
        model_scores(model, sample_inputs(model, examples=1))
    calls = tuple(_shape(call) for call in record.calls)
    native = type(model).__module__.startswith("interpret.")
    config: Any = getattr(model, "config", None)
    return Description(
        name=name,
        model_class=type(model).__name__,
        architecture="native" if native else str(config.model_type),
        task=task,
        layers=declared_layers(config),
        calls=calls,
        kernel=attention_kernel(model),
        dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        way_in=way_in({call.way for call in record.calls}, native=native),
        longest=longest_text(config),
    )


def declared_layers(config: Any) -> int | None:
    """Number of layers that a config declares, of encoder and decoder together."""
    text = text_config(config)
    if getattr(config, "is_encoder_decoder", False):
        encoder, decoder = getattr(config, "encoder_layers", None), getattr(config, "decoder_layers", None)
        if isinstance(encoder, int) and isinstance(decoder, int):
            return encoder + decoder
        own, other = getattr(config, "num_layers", None), getattr(config, "num_decoder_layers", None)
        return own + other if isinstance(own, int) and isinstance(other, int) else None
    found = next((getattr(text, key, None) for key in ("num_hidden_layers", "n_layer", "layers")), None)
    return found if isinstance(found, int) else None


def longest_text(config: Any) -> int | None:
    """Most tokens that a config has positions for; `None` if it doesn't say."""
    text = text_config(config)
    names = ("max_position_embeddings", "n_positions", "positions")
    found = next((value for name in names if isinstance(value := getattr(text, name, None), int)), None)
    return found if found and found > 0 else None


def task_of(model_class: str, architecture: str) -> str | None:
    """Task that transformers registers a class for; `None` if it isn't one of `MODEL_MAPPINGS`."""
    return next((task for task in MODEL_MAPPINGS if model_class in class_names(architecture, task)), None)


def way_in(ways: set[str], *, native: bool = False) -> str:
    """Describes how attention is captured; `ways` are those of the calls of one forward pass."""
    if native:
        return "its own call of interpret.attend"
    words = {
        "interface": "transformers' attention interface",
        "observed": "watched while the model's own code runs, for it goes past transformers' attention interface",
    }
    return "; ".join(words[way] for way in sorted(ways)) or "none"


def _shape(call: AttentionCall) -> CallShape:
    assert call.output is not None
    heads, value_width = call.output.shape[2:]
    query, key = getattr(call, "query", None), getattr(call, "key", None)
    return CallShape(
        heads=heads,
        key_heads=heads if key is None else key.shape[1],
        width=value_width if query is None else query.shape[3],
        value_width=value_width,
    )

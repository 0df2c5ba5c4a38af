"""Configs of native models: sizes, kind of attention, and for a classifier its labels."""

from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, ClassVar, Literal, TypeVar

from interpret.native.attention import MultiHeadAttention
from interpret.native.blocks import AttentionMaker, NormPlace
from interpret.native.linear import LinearAttention
from interpret.native.window import WindowAttention

AttentionKind = Literal["full", "window", "linear"]

LARGEST_SIZE = 2**24  # of any size; keeps products of two far from overflow
LATER: dict[str, Any] = {"attention": "full", "window": None, "global_positions": ()}  # missing in older configs

Config = TypeVar("Config", bound="ModelConfig")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes that every native model has.

    Attributes:
        vocabulary: Number of token ids.
        hidden: Hidden size.
        layers: Number of blocks.
        heads: Number of query heads in each.
        inner: Width of the feed-forward networks.
        positions: Longest input, in tokens.
        key_heads: Number of key and value heads; `None` for as many as query heads.
        norm: Place of the layer norms, "pre" or "post".
        dropout: Share of activations set to 0 in training.
        attention: "full", "window" (each token sees those near it) or "linear" (cheap for long texts).
        window: For attention "window": a token sees those less than this many positions away.
        global_positions: For attention "window": positions of tokens that see all and are seen by all, such as `(0,)`
            for the first token, which a classifier reads; otherwise that token sees only as far as the windows of all
            layers together reach.
    """

    kind: ClassVar[str]

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    inner: int
    positions: int
    key_heads: int | None = None
    norm: NormPlace = "pre"
    dropout: float = 0.0
    attention: AttentionKind = "full"
    window: int | None = None
    global_positions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._require_possible(self.to_dict())

    @classmethod
    def _require_possible(cls, values: dict[str, Any]) -> None:
        for name in ("vocabulary", "hidden", "layers", "heads", "inner", "positions", "key_heads"):
            size = values[name]
            if not (name == "key_heads" and size is None) and (type(size) is not int or not 1 <= size <= LARGEST_SIZE):
                raise ValueError(f"{name} must be a whole number from 1 to {LARGEST_SIZE}, not {size!r}")
        if values["norm"] not in ("pre", "post"):
            raise ValueError(f"norm must be 'pre' or 'post', not {values['norm']!r}")
        if type(values["dropout"]) not in (int, float) or not 0 <= values["dropout"] < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {values['dropout']!r}")
        hidden, heads, key_heads = values["hidden"], values["heads"], values["key_heads"]
        if hidden % heads or heads % (key_heads or 1):
            raise ValueError(
                "heads must divide hidden and key_heads must divide heads, "
                f"but hidden is {hidden}, heads {heads} and key_heads {key_heads}"
            )
        _require_possible_attention(values)

    @property
    def self_attention(self) -> AttentionMaker:
        """Function that makes the self-attention of a block."""
        if self.attention == "window":
            assert self.window is not None
            return partial(WindowAttention, window=self.window, global_positions=self.global_positions)
        return LinearAttention if self.attention == "linear" else MultiHeadAttention

    def to_dict(self) -> dict[str, Any]:
        """Converts to plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls: type[Config], values: dict[str, Any]) -> Config:
        """Makes a config from the result of `to_dict`; older ones without a kind of attention get full attention.

        Raises:
            ValueError: A value is missing, not known, or not possible.
        """
        values = {**LATER, **values}
        known = {field.name for field in fields(cls)}
        if set(values) != known:
            missing, extra = sorted(known - set(values)), sorted(set(values) - known)
            raise ValueError(f"a {cls.kind} has the settings {sorted(known)}; missing: {missing}, not known: {extra}")
        cls._require_possible(values)  # before anything is built, because the values are untrusted
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**plain)


@dataclass(frozen=True)
class ClassifierConfig(ModelConfig):
    """Sizes and labels of a classifier.

    Attributes:
        labels: Names of the classes, in the order of the logits.
    """

    kind: ClassVar[str] = "classifier"

    labels: tuple[str, ...] = ("negative", "positive")

    @classmethod
    def _require_possible(cls, values: dict[str, Any]) -> None:
        super()._require_possible(values)
        labels = values["labels"]
        if not isinstance(labels, (tuple, list)) or not all(isinstance(label, str) for label in labels):
            raise ValueError(f"labels must be names, not {labels!r}")
        if len(labels) < 2 or len(set(labels)) < len(labels):
            raise ValueError(f"labels must be at least two different names, not {list(labels)!r}")


@dataclass(frozen=True)
class LanguageModelConfig(ModelConfig):
    """Sizes of a causal language model."""

    kind: ClassVar[str] = "language model"


def _require_possible_attention(values: dict[str, Any]) -> None:
    kind, window, places = values["attention"], values["window"], values["global_positions"]
    if kind not in ("full", "window", "linear"):
        raise ValueError(f"attention must be 'full', 'window' or 'linear', not {kind!r}")
    if kind != "window" and not (window is None and places in ((), [])):
        raise ValueError(
            f"window and global_positions are for attention 'window', but attention is {kind!r}, "
            f"window {window!r} and global_positions {places!r}"
        )
    if kind == "window" and (type(window) is not int or not 1 <= window <= LARGEST_SIZE):
        raise ValueError(
            f"window must be a whole number from 1 to {LARGEST_SIZE} where attention is 'window', not {window!r}"
        )
    whole = isinstance(places, (tuple, list)) and all(type(place) is int for place in places)
    if not whole or not all(0 <= place < values["positions"] for place in places) or len(set(places)) < len(places):
        raise ValueError(
            f"global_positions must be different whole numbers from 0 to {values['positions'] - 1}, not {places!r}"
        )

"""What a native model is made of: sizes, and for a classifier its labels."""

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from interpret.native.blocks import NormPlace


@dataclass(frozen=True)
class ModelConfig:
    """Sizes that every native model has.

    Attributes:
        vocabulary: Number of token ids.
        hidden: Numbers that stand for a token between the layers.
        layers: Number of blocks.
        heads: Query heads in each.
        inner: Width of the feed-forward networks.
        positions: Longest input, in tokens.
        key_heads: Key and value heads; `None` for as many as query heads.
        norm: Place of the layer norms, "pre" or "post".
        dropout: Share of numbers set to 0 while training.
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

    def __post_init__(self) -> None:
        for name in ("vocabulary", "hidden", "layers", "heads", "inner", "positions", "key_heads"):
            size = getattr(self, name)
            if not (name == "key_heads" and size is None) and (type(size) is not int or size < 1):
                raise ValueError(f"{name} must be a whole number of at least 1, not {size!r}")
        if self.norm not in ("pre", "post"):
            raise ValueError(f"norm must be 'pre' or 'post', not {self.norm!r}")
        if type(self.dropout) not in (int, float) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {self.dropout!r}")
        if self.hidden % self.heads or self.heads % (self.key_heads or 1):
            raise ValueError(
                "heads must divide hidden and key_heads must divide heads, "
                f"but hidden is {self.hidden}, heads {self.heads} and key_heads {self.key_heads}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The config again from `to_dict`.

        Raises:
            ValueError: A value is missing, not known, or not possible.
        """
        known = {field.name for field in fields(cls)}
        if set(values) != known:
            missing, extra = sorted(known - set(values)), sorted(set(values) - known)
            raise ValueError(f"a {cls.kind} has the settings {sorted(known)}; missing: {missing}, not known: {extra}")
        return cls(**values)


@dataclass(frozen=True)
class ClassifierConfig(ModelConfig):
    """Sizes and labels of a classifier.

    Attributes:
        labels: Names of the classes, in the order of the logits.
    """

    kind: ClassVar[str] = "classifier"

    labels: tuple[str, ...] = ("negative", "positive")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.labels, (tuple, list)) or not all(isinstance(label, str) for label in self.labels):
            raise ValueError(f"labels must be names, not {self.labels!r}")
        if len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels must be at least two different names, not {self.labels!r}")
        object.__setattr__(self, "labels", tuple(self.labels))  # JSON has lists only


@dataclass(frozen=True)
class LanguageModelConfig(ModelConfig):
    """Sizes of a causal language model."""

    kind: ClassVar[str] = "language model"

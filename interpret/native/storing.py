"""Native models on disk: a folder with `config.json`, `model.safetensors` and `tokenizer.json`.

Reading is strict: the sizes in `config.json` are compared with the header of the weights file before anything is
built, so a damaged or hostile folder is refused at once, with the reason.
"""

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialized
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.native.classifier import TransformerClassifier
from interpret.native.config import ClassifierConfig, LanguageModelConfig, ModelConfig
from interpret.native.language_model import TransformerLanguageModel

FORMAT = "interpret-native/1"
FILES = ("config.json", "model.safetensors", "tokenizer.json")
SPECIAL_TOKENS = {"pad": "[PAD]", "unknown": "[UNK]", "start": "[CLS]", "end": "[SEP]", "mask": "[MASK]"}

Transformer = TransformerClassifier | TransformerLanguageModel


@dataclass(frozen=True, eq=False)
class NativeModel:
    """A native model with its tokenizer.

    Attributes:
        model: In evaluation mode, float32, on the CPU. Sizes and labels are in `model.config`.
        tokenizer: Turns text into ids, special tokens included.
        special_tokens: Special tokens by role: "pad", "unknown", "start", "end", "mask"; roles without a token are
            missing.
    """

    model: Transformer = field(repr=False)
    tokenizer: Tokenizer = field(repr=False)
    special_tokens: dict[str, str]

    @property
    def kind(self) -> str:
        """Kind of model: "classifier" or "language model"."""
        return self.model.config.kind

    def special_id(self, role: str) -> int | None:
        """Id of the special token with this role, or `None` if the model has none."""
        token = self.special_tokens.get(role)
        return None if token is None else self.tokenizer.token_to_id(token)


def is_native(folder: str | os.PathLike[str]) -> bool:
    """Returns whether a folder's config is that of a native model, of any version."""
    try:
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and str(config.get("format", "")).startswith("interpret-native/")


def save(
    folder: str | os.PathLike[str],
    model: Transformer,
    tokenizer: Tokenizer,
    *,
    special_tokens: dict[str, str] = SPECIAL_TOKENS,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Writes a model to a folder; all files are complete under temporary names before the first is renamed.

    Args:
        folder: Created if missing; other files in it stay.
        model: The model.
        tokenizer: Its tokenizer.
        special_tokens: Special tokens by role; those that the tokenizer doesn't have are left out.
        dtype: Precision on disk; float16 halves the file. Weights are read as float32.
    """
    folder = Path(folder)
    known = {role: token for role, token in special_tokens.items() if tokenizer.token_to_id(token) is not None}
    config = {"format": FORMAT, "kind": model.config.kind, "special_tokens": known, "sizes": model.config.to_dict()}
    weights = {name: weight.detach().to("cpu", dtype).contiguous() for name, weight in model.state_dict().items()}
    contents = (
        (json.dumps(config, indent=2) + "\n").encode(),
        serialized(weights, metadata={"format": "pt"}),
        tokenizer.to_str().encode(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as unfinished:
        for name, content in zip(FILES, contents, strict=True):
            beside = folder / f".{name}.{os.getpid()}"
            unfinished.callback(beside.unlink, missing_ok=True)
            beside.write_bytes(content)
        for name in reversed(FILES):  # config.json last, because it describes the others
            (folder / f".{name}.{os.getpid()}").replace(folder / name)


def load(folder: str | os.PathLike[str]) -> NativeModel:
    """Reads a folder that `save` wrote.

    Raises:
        InputError: A file is missing or damaged, or the files don't fit together.
    """
    folder = Path(folder)
    for name in FILES:
        if not (folder / name).is_file():
            raise InputError(f"a native model is a folder with {', '.join(FILES)}; {folder} has no {name}")
    values = _read_config(folder / "config.json")
    tokenizer = _read_tokenizer(folder / "tokenizer.json")
    model = _read_model(values, folder)
    special_tokens = _checked_tokens(values, tokenizer, model.config.vocabulary, folder)
    return NativeModel(model.eval(), tokenizer, special_tokens)


def load_sentiment() -> NativeModel:
    """Loads the shipped classifier of English sentences into "negative" and "positive".

    Its accuracy and intended use are in `sentiment/MODEL_CARD.md` beside this file.
    """
    with as_file(files("interpret.native") / "sentiment") as folder:
        return load(folder)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path} isn't readable JSON ({error}); the model must be saved again") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        came = values.get("format") if isinstance(values, dict) else values
        raise InputError(f'{path} must say "format": "{FORMAT}", not {came!r}; another version wrote it')
    return values


def _read_tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise InputError(f"{path} isn't a readable tokenizer ({error}); the model must be saved again") from error


def _read_model(values: dict[str, Any], folder: Path) -> Transformer:
    path = folder / "model.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            model = _empty_model(values, names, folder)
            weights = {name: file.get_tensor(name).float() for name in _matching(names, model, file, path)}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} isn't a readable safetensors file ({error}); copy the model again") from error
    broken = [name for name, weight in weights.items() if not torch.isfinite(weight).all()]
    if broken:
        raise InputError(f"{path} has weights that aren't numbers (NaN or infinite) in {broken[0]}; train it again")
    model.load_state_dict(weights, assign=True)
    return model


def _empty_model(values: dict[str, Any], names: set[str], folder: Path) -> Transformer:
    """Builds the model of a config on the meta device."""
    kinds: dict[str, type[ModelConfig]] = {
        config_class.kind: config_class for config_class in (ClassifierConfig, LanguageModelConfig)
    }
    kind, sizes = values.get("kind"), values.get("sizes")
    if kind not in list(kinds) or not isinstance(sizes, dict):
        raise InputError(f'{folder / "config.json"} must have "sizes" and a "kind" of {sorted(kinds)}, not {kind!r}')
    try:
        config = kinds[str(kind)].from_dict(sizes)
    except ValueError as error:
        raise InputError(f"{folder / 'config.json'}: {error}") from error
    stored = len({name.split(".")[1] for name in names if name.startswith("blocks.")})
    if stored != config.layers:  # before building, which takes long for a million
        raise InputError(f"config.json in {folder} says {config.layers} layers, but the weights have {stored}")
    with torch.device("meta"):
        if isinstance(config, ClassifierConfig):
            return TransformerClassifier(config)
        assert isinstance(config, LanguageModelConfig)
        return TransformerLanguageModel(config)


def _matching(names: set[str], model: nn.Module, file: Any, path: Path) -> list[str]:
    """Returns the model's weight names, after checking that the file has exactly those, in the right shapes."""
    wanted: dict[str, Tensor] = model.state_dict()
    missing, extra = sorted(set(wanted) - names), sorted(names - set(wanted))
    if missing or extra:
        raise InputError(f"{path} doesn't fit its config.json; missing: {missing[:3]}, not known: {extra[:3]}")
    for name, weight in wanted.items():
        shape = tuple(file.get_slice(name).get_shape())
        if shape != tuple(weight.shape):
            raise InputError(f"{path} doesn't fit its config.json: {name} must be {tuple(weight.shape)}, not {shape}")
    return list(wanted)


def _checked_tokens(values: dict[str, Any], tokenizer: Tokenizer, vocabulary: int, folder: Path) -> dict[str, str]:
    tokens = values.get("special_tokens")
    if not isinstance(tokens, dict) or not all(isinstance(token, str) for token in tokens.values()):
        raise InputError(f'{folder / "config.json"} must have "special_tokens", each a name, not {tokens!r}')
    unknown = [token for token in tokens.values() if tokenizer.token_to_id(token) is None]
    if unknown:
        raise InputError(f"the tokenizer in {folder} doesn't know the special token {unknown[0]}")
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= vocabulary:
        raise InputError(f"the tokenizer in {folder} has ids up to {highest}, but the model only {vocabulary}")
    return tokens

"""`interpret.load`: finds a model by its name and builds its subject."""

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interpret.errors import InputError
from interpret.loading.description import require_task
from interpret.loading.huggingface import load_folder, load_gguf
from interpret.loading.in_memory import require_no_languages
from interpret.loading.location import located
from interpret.loading.modules import load_module
from interpret.loading.wrappers import is_pipeline
from interpret.modes.evaluating import evaluating
from interpret.modes.gradients_on import gradients_on
from interpret.native import NativeModel, TransformerClassifier, is_native
from interpret.native import load as load_native
from interpret.subjects.embedding_check import require_same_from_embeddings
from interpret.subjects.inputs.example import UnitKind
from interpret.subjects.inputs.units import require_unit_kind
from interpret.subjects.models.wrapped import Inputs
from interpret.subjects.subject import Subject
from interpret.subjects.tasks.classification import TextClassification
from interpret.subjects.tasks.image_classification import ImageClassification
from interpret.subjects.tasks.language_model import NextToken
from interpret.system.quiet import quiet
from interpret.system.refusals import first_line, refusing

BUILT_IN = "built-in sentiment model"
SHIPPED = Path(str(files("interpret.native") / "sentiment"))
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@gradients_on()
def load(
    model: str | os.PathLike[str] | nn.Module | Any | None = None,
    *,
    task: str | None = None,
    device: str = "cpu",
    dtype: str = "auto",
    allow_pickle: bool = False,
    sink: str = "drop",
    units: UnitKind = "word",
    tokenizer: Any = None,
    labels: Sequence[str] | None = None,
    inputs: Inputs | None = None,
    grid: tuple[int, int] | None = None,
    longest: int | None = None,
    source_language: str | None = None,
    target_language: str | None = None,
) -> Subject:
    """Loads a model by name, or wraps a module of yours, as a subject for analyses.

    No code that comes with a model is run, and pickle files are read only if allowed.

    A transformers model in memory is used as it is: it may be quantized, spread over devices with `device_map` (its
    token embeddings must be on one), an instance of your own subclass, compiled, adapted by PEFT, in a `DataParallel`,
    or in a pipeline. Nothing you pass in is changed: the model runs in evaluation mode and returns to its own mode
    after each call; the tokenizer is copied.

    Any other module of yours must take token ids `[batch, token]`, as `input_ids` if its `forward` names that, with
    `attention_mask` and `token_type_ids` if it names those, and look the ids up in one `nn.Embedding`. It returns
    logits `[batch, label]` for text-classification, and next-token logits `[batch, token, label]` for text-generation::

        class Reader(nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding = nn.Embedding(7, 16)
                layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
                self.encoder = nn.TransformerEncoder(layer, 2)
                self.scores = nn.Linear(16, 2)

            def forward(self, ids):
                return self.scores(self.encoder(self.embedding(ids)).mean(dim=1))

        vocabulary = {"?": 0, "a": 1, "good": 2, "bad": 3, "old": 4, "film": 5, "[MASK]": 6}
        tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="?"))
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        subject = interpret.load(Reader(), tokenizer=tokenizer, labels=["negative", "positive"])

    Args:
        model: A folder in transformers' format or of a native model, a `.gguf` file or a folder with only one, the id
            of a model on the Hugging Face Hub, or "owner/model/file.gguf" there; or a module, or a pipeline of
            transformers. By default the sentiment model that comes with this package.
        task: "text-classification", "text-generation", "question-answering", "translation", "token-classification" or
            "image-classification"; by default what the model was made for. For a module, one of the first two; by
            default told by its scores' shape.
        device: Device to compute on, as torch spells it: "cpu", "cuda", "cuda:1", "mps".
        dtype: Precision of the weights: "float32", "bfloat16" or "float16". "auto" is float32 on a CPU, and
            elsewhere what the weights are stored in.
        allow_pickle: Whether to read weights that exist only as pickle files (torch reads tensors from them, no code).
        sink: "drop" leaves the first word of a causal model out of the ranking, because its first token is an
            attention sink whatever it is; "keep" ranks it. If a special token comes first, all words are ranked.
        units: Kind of unit that is ranked: "word" or "token". A text with hardly any words, such as DNA or code without
            spaces, is always ranked by tokens.
        tokenizer: A `tokenizers.Tokenizer`, or a fast tokenizer of transformers. This and the arguments up to `longest`
            are for modules only. It must add the special tokens that the module expects. If it knows a "[MASK]", words
            are removed by masking.
        labels: Names of the classes, in the order of the scores; by default those of the config, or "LABEL_0" and so
            on. For a module with one score, the name of the score.
        inputs: Makes the module's arguments from token ids `[batch, token]`: a mapping of names to values, a tuple, or
            one value, such as `lambda ids: {"tokens": ids, "mask": ids != 0}`. By default as above.
        grid: Rows and columns of the image tokens that the module generates after a text, as DALL-E does. `encode` then
            takes the image tokens so far as a second text of ids, and reports show them as a grid.
        longest: Most tokens that the module reads.
        source_language: Language code of the source for a multilingual translator such as mBART, NLLB or M2M, as its
            tokenizer spells it ("en_XX"); by default the tokenizer's setting.
        target_language: Language code of the target.

    Raises:
        InputError: The model can't be found or loaded completely, or its attention can't be read; the message says why
            in one line.

    Example:
        >>> subject = interpret.load()
        >>> subject.name
        'built-in sentiment model'
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> subject.decide(example).label
        'positive'
    """
    require_task(task)
    given = {"source_language": source_language, "target_language": target_language}
    languages = {name: code for name, code in given.items() if code is not None}
    require_unit_kind(units)
    if is_pipeline(model):
        subject = _of_pipeline(model, tokenizer, task=task, labels=labels, sink=sink, languages=languages)
    elif isinstance(model, nn.Module):
        if (device, dtype, allow_pickle) != ("cpu", "auto", False):
            raise InputError(
                "a module stays where it is and as it is: use module.to(...), and leave out device, "
                "dtype and allow_pickle"
            )
        _require_sink(sink)
        subject = load_module(
            model, tokenizer=tokenizer, task=task, labels=labels, inputs=inputs, grid=grid, longest=longest, sink=sink,
            languages=languages,
        )  # fmt: skip
    else:
        if (tokenizer, labels, inputs, grid, longest) != (None,) * 5:
            raise InputError(
                "tokenizer, labels, inputs, grid and longest are for a module of yours; a model that is loaded by its "
                "name brings them along"
            )
        if not isinstance(model, str | os.PathLike | None):
            raise InputError(
                f"a model must be the name of one, a module, or a pipeline of transformers, not {type(model).__name__}"
            )
        subject = _load_named(
            model, task=task, device=device, dtype=dtype, allow_pickle=allow_pickle, sink=sink, languages=languages
        )
    subject.units = units
    return subject


def _of_pipeline(pipeline: Any, tokenizer: Any, *, labels: Sequence[str] | None, **options: Any) -> Subject:
    """Builds the subject of a pipeline's model with its tokenizer or image processor."""
    name, task = type(pipeline.model).__name__, options.pop("task")
    if getattr(pipeline, "image_processor", None) is not None and pipeline.task == ImageClassification.task:
        require_no_languages(name, ImageClassification.task, options["languages"])
        with evaluating(pipeline.model):
            return ImageClassification.from_transformers(
                name, pipeline.model, pipeline.image_processor, sink=options["sink"]
            )
    chosen = pipeline.tokenizer if tokenizer is None else tokenizer
    if chosen is None:
        raise InputError(
            f"this pipeline is for {pipeline.task} and has no tokenizer; give interpret.load a model and tokenizer="
        )
    _require_sink(options["sink"])
    return load_module(
        pipeline.model, tokenizer=chosen, task=task, labels=labels, inputs=None, grid=None, longest=None, **options
    )


def _load_named(
    name: str | os.PathLike[str] | None,
    *,
    task: str | None,
    device: str,
    dtype: str,
    allow_pickle: bool,
    sink: str,
    languages: dict[str, str],
) -> Subject:
    _require_options(device, dtype, sink)
    precision = DTYPES.get(dtype, torch.float32 if torch.device(device).type == "cpu" else "auto")
    shown = BUILT_IN if name is None else os.fspath(name)
    path = SHIPPED if name is None else located(shown, task, allow_pickle)
    with quiet():
        if name is None or is_native(path):
            require_no_languages(shown, "no translation", languages)
            return _native_subject(shown, load_native(path), path, task, precision, device, sink)
        options: dict[str, Any] = {"task": task, "dtype": precision, "device": device, "sink": sink}
        if path.is_file():
            return load_gguf(shown, path, languages=languages, **options)
        return load_folder(shown, path, allow_pickle=allow_pickle, languages=languages, **options)


def _require_options(device: str, dtype: str, sink: str) -> None:
    if dtype != "auto" and dtype not in DTYPES:
        raise InputError(f"dtype must be auto, {', '.join(DTYPES)}, not {dtype!r}")
    _require_sink(sink)
    try:
        torch.zeros(1, device=device).tolist()
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # unknown, not built in, absent, "meta"
        raise InputError(f"the device {device!r} can't be used here: {first_line(error)}; cpu always can") from error


def _require_sink(sink: str) -> None:
    if sink not in ("drop", "keep"):
        raise InputError(f"sink must be drop or keep, not {sink!r}")


def _native_subject(
    name: str,
    native: NativeModel,
    folder: Path,
    task: str | None,
    precision: torch.dtype | str,
    device: str,
    sink: str,
) -> Subject:
    model, tokenizer = native.model, native.tokenizer
    made_for = TextClassification.task if isinstance(model, TransformerClassifier) else NextToken.task
    if task not in (None, made_for):
        raise InputError(f"{name} is a native {native.kind}, made for {made_for}, not for {task}")
    with refusing(f"{name} doesn't fit on the device {device}"):
        model = model.to(device=device, dtype=precision if isinstance(precision, torch.dtype) else None)
    weights = (folder / "model.safetensors",)
    longest = model.config.positions
    subject: Subject
    if isinstance(model, TransformerClassifier):
        mask_id, labels = native.special_id("mask"), model.config.labels
        subject = TextClassification(
            name, model, tokenizer, labels=labels, mask_id=mask_id, longest=longest, sink=sink, weight_files=weights
        )
    else:
        subject = NextToken(name, model, tokenizer, longest=longest, sink=sink, weight_files=weights)
    require_same_from_embeddings(subject)
    return subject

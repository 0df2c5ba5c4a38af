"""The model left alone, recorded, and read in full."""

from collections.abc import Callable

import torch
from torch import Tensor

from analyses.attention.entropy import Entropy, EntropyReader
from analyses.attention.rollout_readers import rollout_reader
from analyses.attention.streaming import read_maps
from analyses.decision.attention_statistics import attention_statistics
from analyses.explanations.attention_only.rollout import Rollout
from benchmarks.ours.models import Settings, example_of, load, random_ids
from interpret import recording
from interpret.attention.maps import Maps, RecordedMaps
from interpret.attention.recording import Recording

SHOWN = 16  # logits that are compared


def alone(settings: Settings) -> Callable[[], list[float]]:
    """Plain passes over a text, under the model's own kernel."""
    subject = load(settings)
    ids = example_of(subject, settings["tokens"]).ids[None]

    def work() -> list[float]:
        with torch.no_grad():
            for _ in range(settings["times"]):
                logits = subject.logits(ids)
        return logits[0, :SHOWN].tolist()

    return work


def recorded(settings: Settings) -> Callable[[], list[float]]:
    """The same with its attention recorded."""
    subject = load(settings)
    ids = example_of(subject, settings["tokens"]).ids[None]

    def work() -> list[float]:
        with torch.no_grad():
            for _ in range(settings["times"]):
                with recording(subject.model):
                    logits = subject.logits(ids)
        return logits[0, :SHOWN].tolist()

    return work


def long_alone(settings: Settings) -> Callable[[], list[float]]:
    """A plain pass over as many tokens as one likes."""
    subject = load(settings)
    ids = random_ids(subject, settings["tokens"])

    def work() -> list[float]:
        with torch.no_grad():
            return subject.logits(ids)[0, :SHOWN].tolist()

    return work


def long_read(settings: Settings) -> Callable[[], list[float]]:
    """The pass, exact rollout of the last position, and the entropy of every row of every head."""
    return _read(settings, lambda record, last: _rollout_and_entropy(RecordedMaps(record, example=0), last))


def long_read_for_all(settings: Settings) -> Callable[[], list[float]]:
    """The pass, and all that an analysis reads of every map: patterns and sums of columns besides."""
    return _read(settings, lambda record, last: attention_statistics(record, readouts=last, separators=()))


def _rollout_and_entropy(maps: Maps, last: Tensor) -> tuple[Rollout, Entropy]:
    rollout, entropy = rollout_reader(maps, readouts=last), EntropyReader(maps)
    read_maps(maps, [rollout, entropy])
    return rollout.result(), entropy.result()


def _read(settings: Settings, read: Callable[[Recording, Tensor], object]) -> Callable[[], list[float]]:
    subject = load(settings)
    ids = random_ids(subject, settings["tokens"])
    last = torch.zeros(1, ids.shape[1])
    last[0, -1] = 1

    def work() -> list[float]:
        with torch.no_grad(), recording(subject.model) as record:
            logits = subject.logits(ids)
        read(record, last)
        return logits[0, :SHOWN].tolist()

    return work

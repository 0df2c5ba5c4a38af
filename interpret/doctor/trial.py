"""Trial of `interpret analyze` on a model: a small analysis is run to its end."""

import json
import math
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interpret.attention.recording import recording
from interpret.doctor.sampling import sample_inputs
from interpret.doctor.small import save_small, with_few_patches
from interpret.errors import CaptureError, InputError
from interpret.projections.scores import model_scores
from interpret.subjects.inputs.continuation import Writer
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.subjects.tasks import require_single_text
from interpret.subjects.tasks.image_classification import ImageClassification
from interpret.subjects.text import TextSubject
from interpret.system.refusals import first_line

SENTENCE = "A short text of some words"  # used if the tokenizer's own words make no text
_WORDS, _FURTHER = 6, 4  # words of a text, and of a second text
_STEPS = 2  # tokens that are generated
_DRAWS = 20


@dataclass(frozen=True)
class Trial:
    """Outcome of commands on a model.

    Attributes:
        refusal: The line with which `interpret analyze` refuses it; else empty.
        crash: An unexpected error of the analysis, which is a fault; else empty.
        failed: Names of the self-checks that failed in the analysis.
        single: The line with which `interpret pair` and `study` refuse it; else empty.
        rollout: Why the maps of its layers can't be multiplied, if that was tried separately; else empty.
        note: Further remark, such as that the analysis was only planned.
    """

    refusal: str = ""
    crash: str = ""
    failed: tuple[str, ...] = ()
    single: str = ""
    rollout: str = ""
    note: str = ""

    @property
    def problem(self) -> str:
        """Why `interpret analyze` doesn't run, or the checks that fail in it; empty if all is well."""
        if self.failed:
            return f"self-checks fail: {', '.join(self.failed)}"
        return self.refusal or (f"crashes: {self.crash}" if self.crash else "")

    def with_name(self, found: str, name: str) -> "Trial":
        """Copies the outcome with another name for the model."""
        return replace(self, **{key: getattr(self, key).replace(found, name) for key in ("refusal", "crash", "single")})


def try_config(config: Any, task: str, *, name: str = "it", beside: Path | None = None) -> Trial:
    """Tries commands on a small random model of a config, in a temporary folder.

    It is loaded with the given tokenizer or image processor, and with the config's image size; then analysed on few
    words or patches.

    Args:
        config: A transformers config of any size; not changed.
        task: One of `interpret.doctor.building.TASKS`.
        name: Name of the model in refusals.
        beside: A folder with a tokenizer or an image processor, as for `save_small`.

    Raises:
        InputError: Transformers can't build the model.
    """
    few = with_few_patches(config)
    steps = [(config, beside, few is config and beside is None), (few, None, True)]
    for settings, files, analysed in steps:
        with tempfile.TemporaryDirectory() as folder:
            save_small(Path(folder), settings, task, beside=files)
            tried = try_folder(Path(folder), task, analysed=analysed).with_name(folder, name)
        if analysed or tried.problem:
            break
    return tried


def try_folder(folder: Path, task: str, *, analysed: bool = True) -> Trial:
    """Loads a folder as the command does, and tries an analysis.

    Args:
        folder: Folder of a model in transformers' format.
        task: The task to load it for.
        analysed: Whether to analyse it after loading.
    """
    from interpret.loading.sources import load

    loaded: list[Subject] = []
    refused = _outcome(lambda: loaded.append(load(folder, task=task)))
    return try_analysis(loaded[0]) if loaded and analysed else refused


def try_analysis(subject: Subject, *, most_seconds: float = math.inf) -> Trial:
    """Runs a quick analysis of a short random input, and the other commands on it.

    Args:
        subject: A loaded model.
        most_seconds: Longest planned time of the analysis; a longer one is only planned.
    """
    ended: list[Trial] = []
    with tempfile.TemporaryDirectory() as folder:
        refused = _outcome(lambda: ended.append(_run_analysis(subject, Path(folder), most_seconds)))
    return ended[0] if ended else refused


def try_rollout(model: nn.Module) -> str:
    """Reason why attention rollout fails on a model; empty if it works.

    Args:
        model: A model that runs on `sample_inputs`.
    """
    from analyses.explanations.attention_only.rollout import attention_rollout

    with torch.no_grad(), recording(model) as record:
        model_scores(model, sample_inputs(model, examples=1))
    rolled = _outcome(lambda: attention_rollout(record))
    return rolled.refusal or rolled.crash


def _outcome(run: Callable[[], object]) -> Trial:
    """Runs a function and returns its outcome: `InputError` and `CaptureError` are refusals, others crashes."""
    try:
        run()
    except (InputError, CaptureError) as error:
        return Trial(refusal=str(error))
    except Exception as error:
        return Trial(crash=f"{type(error).__name__}: {first_line(error)}")
    return Trial()


def _run_analysis(subject: Subject, folder: Path, most_seconds: float) -> Trial:
    from analyses.decision.analyze import analyze
    from analyses.generation.steps import analyze_steps
    from analyses.planning.effort import EFFORTS
    from analyses.planning.plan import plan_analysis
    from interpret.system.memory import shown_seconds

    text, second = sample_input(subject, folder)
    example = subject.encode(text, second)
    plan = plan_analysis(subject.about(example, None), example, EFFORTS["quick"])
    if plan.seconds > most_seconds:
        single = _outcome(lambda: require_single_text(subject)).refusal
        return Trial(single=single, note=f"not tried, for a short text takes {shown_seconds(plan.seconds)}")
    found = analyze(subject, example, effort="quick")
    json.dumps(found.to_dict(), allow_nan=False)
    checks = found.checks
    if isinstance(subject, Writer):
        steps = analyze_steps(subject, text, most=_STEPS, verdicts=False)
        json.dumps(steps.to_dict(), allow_nan=False)
        checks += steps.checks
    pair = _outcome(lambda: _run_pair(subject, example))
    failed = tuple(dict.fromkeys(check.name for check in checks if not check.passed))
    return Trial(failed=failed, single=pair.refusal or pair.crash)


def _run_pair(subject: Subject, example: Example) -> None:
    """Does the same as `interpret pair`, and as `study` with each text."""
    from analyses.heads.word_pairs import word_pairs

    require_single_text(subject)
    first, *_, last = [unit.text for unit in example.units]
    word_pairs(subject, example, subject.decide(example), word=first, first=last, second=first, draws=_DRAWS)


def sample_input(subject: Subject, folder: Path) -> tuple[str, str | None]:
    """Makes a short input that a model can read: words of its own vocabulary, or an image of noise.

    Args:
        subject: A loaded model.
        folder: Folder for an image.

    Returns:
        A text, or the path of an image; and a second text, if the task needs one.
    """
    if isinstance(subject, ImageClassification):
        return str(_noise(folder / "noise.png", subject.grid.channels)), None
    assert isinstance(subject, TextSubject)
    words = _words(subject)
    text, second = " ".join(words[:_WORDS]), " ".join(words[_WORDS:])
    masked = [] if subject.mask_id is None else [f"{SENTENCE} {subject.tokenizer.id_to_token(subject.mask_id)}"]
    inputs = [
        (first, other if subject.needs_second_text else None)
        for first, other in ((text, second), (SENTENCE, SENTENCE), *((each, SENTENCE) for each in masked))
    ]
    return next((each for each in inputs if _is_read(subject, *each)), inputs[1])


def _is_read(subject: TextSubject, text: str, second: str | None) -> bool:
    """True if the model accepts this text: some don't read their own words back, and some tasks need a mask."""
    try:
        subject.encode(text, second)
    except InputError:
        return False
    return True


def _words(subject: TextSubject) -> list[str]:
    """Draws words from the middle of the vocabulary, where no model has special or unused tokens."""
    tokenizer = subject.tokenizer
    ids = sorted(tokenizer.get_vocab().values())
    texts = (tokenizer.decode([index]).strip() for index in ids[len(ids) // 4 : 3 * len(ids) // 4 + 1])
    known = [text for text in texts if text.isalnum()]
    return random.Random(0).choices(known, k=_WORDS + _FURTHER) if known else SENTENCE.split()


def _noise(path: Path, channels: int) -> Path:
    from PIL import Image

    size = (64, 64)
    mode = "L" if channels == 1 else "RGB"
    Image.frombytes(mode, size, random.Random(0).randbytes(64 * 64 * len(mode))).save(path)
    return path

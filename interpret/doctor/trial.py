"""What `interpret analyze` does with a model, seen rather than foretold: a small analysis is run to its end."""

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
from interpret.projections.answers import answer
from interpret.subjects.continuation import Writer
from interpret.subjects.example import Example
from interpret.subjects.single import require_single_text
from interpret.subjects.subject import Subject
from interpret.subjects.text import TextSubject
from interpret.subjects.vision import ImageClassification
from interpret.system.refusals import first_line

SENTENCE = "A short text of some words"  # where the tokenizer's own words make none
_WORDS, _FURTHER = 6, 4  # of a text, and of one beside it
_STEPS = 2  # tokens that are written
_DRAWS = 20


@dataclass(frozen=True)
class Trial:
    """What commands do with a model.

    Attributes:
        refusal: The line with which `interpret analyze` refuses it; empty where it doesn't.
        crash: The error in which it ends instead, which is a fault; empty where there is none.
        failed: Names of the self-checks that failed in the analysis.
        single: The line with which `interpret pair` and `study` refuse it; empty where they don't.
        rollout: Why the maps of its layers can't be multiplied, where that was tried beside.
        note: What else to know, such as that the analysis was only planned.
    """

    refusal: str = ""
    crash: str = ""
    failed: tuple[str, ...] = ()
    single: str = ""
    rollout: str = ""
    note: str = ""

    @property
    def against(self) -> str:
        """Why `interpret analyze` doesn't run, or whose checks fail in it; empty where all is well."""
        if self.failed:
            return f"self-checks fail: {', '.join(self.failed)}"
        return self.refusal or (f"crashes: {self.crash}" if self.crash else "")

    def naming(self, found: str, name: str) -> "Trial":
        """The same, with a model called by another name."""
        return replace(self, **{key: getattr(self, key).replace(found, name) for key in ("refusal", "crash", "single")})


def try_config(config: Any, task: str, *, name: str = "it", beside: Path | None = None) -> Trial:
    """What commands do with a small random model of a config, in a folder of its own.

    It is loaded with the tokenizer or image processor that is given, and with images as large as the config has them;
    then analysed on few words or patches.

    Args:
        config: A transformers config of any size; it stays as it is.
        task: One of `interpret.doctor.building.TASKS`.
        name: What refusals call the model.
        beside: A folder with a tokenizer or an image processor, as for `save_small`.

    Raises:
        InputError: Transformers can't build the model.
    """
    few = with_few_patches(config)
    steps = [(config, beside, few is config and beside is None), (few, None, True)]
    for settings, files, analysed in steps:
        with tempfile.TemporaryDirectory() as folder:
            save_small(Path(folder), settings, task, beside=files)
            tried = try_folder(Path(folder), task, analysed=analysed).naming(folder, name)
        if analysed or tried.against:
            break
    return tried


def try_folder(folder: Path, task: str, *, analysed: bool = True) -> Trial:
    """Loads a folder as the command does, and tries an analysis.

    Args:
        folder: Of a model in transformers' format.
        task: What it is wanted for.
        analysed: Whether to go on after it was loaded.
    """
    from interpret.loading.sources import load

    loaded: list[Subject] = []
    refused = _outcome(lambda: loaded.append(load(folder, task=task)))
    return try_analysis(loaded[0]) if loaded and analysed else refused


def try_analysis(subject: Subject, *, most_seconds: float = math.inf) -> Trial:
    """Runs a quick analysis of a short random input, and what else the commands do with it.

    Args:
        subject: A loaded model.
        most_seconds: Time that the analysis may take by its plan; where that is longer, it is planned only.
    """
    ended: list[Trial] = []
    with tempfile.TemporaryDirectory() as folder:
        refused = _outcome(lambda: ended.append(_analysed(subject, Path(folder), most_seconds)))
    return ended[0] if ended else refused


def try_rollout(model: nn.Module) -> str:
    """Why the attention that a model computes for one input can't be rolled out; empty where it can.

    Args:
        model: One that runs on `sample_inputs`.
    """
    from analyses.explanations.rollout import attention_rollout

    with torch.no_grad(), recording(model) as record:
        answer(model, sample_inputs(model, examples=1))
    rolled = _outcome(lambda: attention_rollout(record))
    return rolled.refusal or rolled.crash


def _outcome(run: Callable[[], object]) -> Trial:
    """How something ends: a refusal is one line, and anything else that is raised is a fault."""
    try:
        run()
    except (InputError, CaptureError) as error:
        return Trial(refusal=str(error))
    except Exception as error:
        return Trial(crash=f"{type(error).__name__}: {first_line(error)}")
    return Trial()


def _analysed(subject: Subject, folder: Path, most_seconds: float) -> Trial:
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
    pair = _outcome(lambda: _pair(subject, example))
    failed = tuple(dict.fromkeys(check.name for check in checks if not check.passed))
    return Trial(failed=failed, single=pair.refusal or pair.crash)


def _pair(subject: Subject, example: Example) -> None:
    """What `interpret pair` does, and `study` with each text."""
    from analyses.heads.word_pairs import word_pairs

    require_single_text(subject)
    first, *_, last = [unit.text for unit in example.units]
    word_pairs(subject, example, subject.decide(example), word=first, first=last, second=first, draws=_DRAWS)


def sample_input(subject: Subject, folder: Path) -> tuple[str, str | None]:
    """A short input that a model can read: words of its own vocabulary, or an image of noise.

    Args:
        subject: A loaded model.
        folder: Where an image is written.

    Returns:
        A text, or the path of an image; and a second text, where the task needs one.
    """
    if isinstance(subject, ImageClassification):
        return str(_noise(folder / "noise.png", subject.grid.channels)), None
    assert isinstance(subject, TextSubject)
    words = _words(subject)
    text, second = " ".join(words[:_WORDS]), " ".join(words[_WORDS:])
    masked = [] if subject.mask_id is None else [f"{SENTENCE} {subject.tokenizer.id_to_token(subject.mask_id)}"]
    inputs = [
        (first, other if subject.needs_second else None)
        for first, other in ((text, second), (SENTENCE, SENTENCE), *((each, SENTENCE) for each in masked))
    ]
    return next((each for each in inputs if _is_read(subject, *each)), inputs[1])


def _is_read(subject: TextSubject, text: str, second: str | None) -> bool:
    """Whether a text is one for this model: some don't read their own words back, and some tasks want a blank."""
    try:
        subject.encode(text, second)
    except InputError:
        return False
    return True


def _words(subject: TextSubject) -> list[str]:
    """Words from the middle of the vocabulary, where no model keeps special or unused ones."""
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

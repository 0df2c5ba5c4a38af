"""`interpret analyze`: the model and input to explain, their plan and their analysis."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interpret.cli.alignment import read_alignment, require_one_token
from interpret.cli.options import require_no_file_name
from interpret.cli.tokens import Tokens
from interpret.errors import InputError

if TYPE_CHECKING:
    from analyses.decision.schema import AnalysisDict
    from analyses.generation.schema import StepsDict


@dataclass(frozen=True)
class Question:
    """One decision on an input, or every token that follows it.

    Attributes:
        subject: The model.
        given: The input: an `Example`, or a `Continuation` if several tokens are explained.
        several: True if several tokens are explained.
        alignment: Alignment of the whole translation, if one token of a translation is explained.
    """

    subject: Any
    given: Any
    several: bool
    alignment: Any = None

    @classmethod
    def read(
        cls,
        subject: Any,
        text: str,
        tokens: Tokens,
        *,
        context: str | None,
        pair: str | None,
        target_text: str | None,
        gold: str | None,
        position: int | str | None,
        truncate: bool,
        chat: bool,
        system: str | None,
    ) -> "Question":
        """Turns the options into the model's input.

        Raises:
            InputError: An option doesn't go with the model, or a text can't be used.
        """
        require_no_file_name(subject, text)
        given = {"context": context, "pair": pair, "target-text": target_text, "continuation": tokens.continuation}
        second = _second(subject, given)
        read = {"truncate": truncate, **_as_message(subject, chat, system)}
        place = None if position is None else _position(subject, position)
        if tokens.several:
            require_one_token(gold)
            return cls(subject, tokens.read(subject, text, second, read), True)
        example = subject.encode(text, second, **read, **({} if place is None else {"position": place}))
        return cls(subject, example, False, read_alignment(subject, text, target_text, gold, truncate=truncate))

    @property
    def has_marks(self) -> bool:
        """True if the text itself contains special tokens, as one already in a chat template does."""
        example = self.given.examples[0] if self.several else self.given
        return bool(example.has_marks)

    def plan(
        self,
        *,
        effort: str,
        methods: list[str] | None,
        verdicts: bool,
        target: str | None,
        against: str | None,
        eraser: str | None,
        max_memory: int | None,
    ) -> Any:
        """Plans time and memory, as in `analyses.planning.plan`."""
        from analyses.planning.effort import EFFORTS
        from analyses.planning.plan import plan_analysis, plan_steps

        if self.several:
            return plan_steps(
                self.subject, self.given, methods=methods, verdicts=verdicts, eraser=eraser, max_memory=max_memory
            )
        about, _, _ = self.subject.asked_about(self.given, target=target, against=against)
        if target is not None:
            about.find_label_in(self.given, target)
        return plan_analysis(about, self.given, EFFORTS[effort], methods=methods, eraser=eraser, max_memory=max_memory)

    def answer(
        self,
        command: str,
        *,
        effort: str,
        verdicts: bool,
        target: str | None,
        against: str | None,
        corpus: str | None,
        **options: Any,
    ) -> "AnalysisDict | StepsDict":
        """Runs the analysis and returns its results in the JSON schema.

        Args:
            command: Command line that reproduces it.
            effort: Effort level, for one decision.
            verdicts: Whether each of several tokens gets a verdict.
            target: Target of one decision.
            against: The label that it is held against.
            corpus: Source of replacements.
            options: Options that `analyze` and `analyze_steps` share.
        """
        options["corpus"] = None if corpus is None else self._replacements(corpus, options["progress"])
        if self.several:
            from analyses.generation.steps import analyze_steps

            return analyze_steps(self.subject, self.given, verdicts=verdicts, **options).to_dict(command)
        from analyses.decision.analyze import analyze

        options |= {"effort": effort, "alignment": self.alignment}
        found = analyze(self.subject, self.given, target=target, against=against, **options)
        return found.to_dict(command)

    def _replacements(self, corpus: str, progress: Callable[[str], None]) -> Any:
        """Reads replacement words from other texts, or patches from other images."""
        progress("reading the corpus")
        if self.subject.reads_images:
            from analyses.verdicts.patch_resampling import images_of

            return images_of(corpus, self.subject)
        from analyses.studies.prepared import words_of

        return words_of(corpus, self.subject)


def _as_message(subject: Any, chat: bool, system: str | None) -> dict[str, Any]:
    """Options of `encode` for a chat message; empty for any other text."""
    if not chat and system is None:
        return {}
    if not subject.answers_messages:
        option = "--chat" if chat else "--system"
        raise InputError(f"{subject.name} is for {subject.task}, which answers no messages, so {option} means nothing")
    return {"chat": chat, "system": system}


def _position(subject: Any, number: int | str) -> int | None:
    """Index in the target of the token to explain, from 0; `None` for all."""
    if not subject.translates:
        raise InputError(f"{subject.name} is for {subject.task}, which writes no target, so --position means nothing")
    return None if isinstance(number, str) else number - 1


def _second(subject: Any, given: dict[str, str | None]) -> str | None:
    """Returns the second text, after checking that it was given by this task's option."""
    takes = subject.option_of_second
    for name, text in given.items():
        if text is not None and name != takes:
            wanted = f"takes --{takes}" if takes else "reads one input only"
            raise InputError(f"{subject.name} is for {subject.task}, which {wanted}, not --{name}")
    return next((text for text in given.values() if text is not None), None)

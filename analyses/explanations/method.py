"""What an explanation method is: its name, what it shows, the function that computes it, and what that costs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from analyses.explanations.attribution import Attribution
from analyses.explanations.shared import Shared
from interpret.errors import InputError
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

Explain = Callable[[Subject, Example, Decision, Shared], Attribution]


@dataclass(frozen=True)
class Method:
    """An explanation method.

    Attributes:
        name: Its name in reports, in JSON and in `methods=`.
        about: One sentence on what its scores show, for readers of reports; "{one}" and "{many}" stand for the nouns of
            what is ranked (`Nouns.say`).
        explain: Function of `(subject, example, decision, shared)`, where `shared` has results that several methods
            start from (`analyses.Shared`).
        gradient_passes: Number of passes with a gradient.
        follows_path: Whether it needs `shared.integration_steps` further such passes.
        plain_passes: Number of passes without a gradient that it takes by itself, the decision aside, by the input;
            `None` where it needs none. One that only some layers read counts, too.
        usual: Whether an analysis of one decision runs it by default.
        fast: Whether it takes few passes, however long the text: those that `--methods fast` names.
        for_each_token: Whether it runs by default where every token of a text is explained.

    Example:
        >>> method = chosen_methods(["saliency"])[1]
        >>> method.name
        'saliency'
        >>> method.about
        'How strongly the score reacts to a tiny change of each {one}. No direction.'
    """

    name: str
    about: str
    explain: Explain
    gradient_passes: int = 0
    follows_path: bool = False
    plain_passes: Callable[[Example], int] | None = None
    usual: bool = True
    fast: bool = True
    for_each_token: bool = True

    def passes(self, example: Example) -> int:
        """Number of passes without a gradient that an input takes."""
        return 0 if self.plain_passes is None else self.plain_passes(example)

    def __call__(self, subject: Subject, example: Example, decision: Decision, shared: Shared) -> Attribution:
        """Runs the method, and checks that its attribution is of this input and has the method's name.

        Raises:
            InputError: The result isn't such an attribution.
        """
        found = self.explain(subject, example, decision, shared)
        if not isinstance(found, Attribution):
            raise InputError(f"the method {self.name!r} must answer with an Attribution, not {type(found).__name__}")
        if found.method != self.name:
            raise InputError(f"the method {self.name!r} answers under another name, {found.method!r}; give it its own")
        if (len(found.scores), len(found.tokens)) != (len(example.units), len(example.ids)):
            raise InputError(
                f"the method {self.name!r} must give {len(example.units)} scores, one for each unit, and "
                f"{len(example.ids)} numbers in tokens, and came {len(found.scores)} and {len(found.tokens)}"
            )
        return found if found.words else replace(found, words=example.words)

"""Registry of explanation methods: the built-in ones, and those that users add.

Everything that runs, names, plans or describes explanations reads this list.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from analyses.explanations.attribution import Attribution
from analyses.explanations.built_in import BUILT_IN, JUDGED, LEAVE_ONE_OUT
from analyses.explanations.method import Explain, Method
from analyses.explanations.shared import USUAL_STEPS, Shared
from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.system.refusals import refusing

GROUP = "interpret.methods"  # entry-point group by which installed packages add methods
SETS: dict[str, Callable[[Method], bool]] = {  # names for several methods at once
    "all": lambda method: True,
    "fast": lambda method: method.fast,
    "usual": lambda method: method.usual,
}

_methods: dict[str, Method] = {method.name: method for method in BUILT_IN}


def register(name: str, *, about: str, gradient_passes: int = 1) -> Callable[[Explain], Explain]:
    """Registers a method of your own for every later analysis and report.

    An installed package adds one by an entry point of the group "interpret.methods" that names the function. A
    registered method of the same name is replaced, as when a notebook cell is run again.

    Args:
        name: Its name.
        about: One sentence on what its scores show, as in `Method`.
        gradient_passes: Number of passes with a gradient, for the plan.

    Raises:
        InputError: A built-in method has this name.

    Example:
        >>> @register("vector size", about="How long the vector of each {one} is.", gradient_passes=0)
        ... def vector_size(subject, example, decision, shared):
        ...     tokens = subject.embed(example.ids[None])[0].detach().float().cpu().norm(dim=-1)
        ...     return Attribution("vector size", "gradient", False, example.pool(tokens), tokens)
        >>> explain(interpret.load(), "Slow at first, then wonderful.", "vector size").order()[0]
        0
        >>> unregister("vector size")
    """
    if name in SETS or any(name == each.name for each in BUILT_IN):
        raise InputError(f"there is a method {name!r} already, or a set of them; give yours another name")

    def add(explain: Explain) -> Explain:
        _methods[name] = Method(name, about, explain, gradient_passes)
        return explain

    return add


def unregister(name: str) -> None:
    """Removes a registered method.

    Raises:
        InputError: There is none of this name, or it is built in.

    Example:
        >>> try:
        ...     unregister("saliency")
        ... except interpret.InputError as error:
        ...     print(error)
        there is no method of your own called 'saliency'
    """
    if name not in _methods or _methods[name] in BUILT_IN:
        raise InputError(f"there is no method of your own called {name!r}")
    del _methods[name]


def chosen_methods(names: Sequence[str] | None = None) -> tuple[Method, ...]:
    """Returns the methods of these names, in the order of the registry.

    Args:
        names: Names of methods, or of sets of them: "all", "fast" or "usual", which is the default. A set may stand
            alone as a text. Last-layer attention is always added, since the verdict is about it.

    Raises:
        InputError: A name is unknown.

    Example:
        >>> [method.name for method in chosen_methods(["saliency"])]
        ['last-layer attention', 'saliency']
        >>> len(chosen_methods("all")) > len(chosen_methods("fast"))
        True
    """
    _load_installed()
    if isinstance(names, str) and names not in SETS:
        raise InputError(f"methods must be a list of names, such as [{names!r}], or one of {', '.join(SETS)}")
    wanted = ["usual"] if names is None else [names] if isinstance(names, str) else names
    unknown = next((name for name in wanted if name not in _methods and name not in SETS), None)
    if unknown is not None:
        raise InputError(
            f"there is no method {unknown!r}; there are {', '.join(_methods)}, and the sets {', '.join(SETS)}"
        )
    sets = [SETS[name] for name in wanted if name in SETS]
    return tuple(
        each for each in _methods.values() if each.name in {JUDGED, *wanted} or any(belongs(each) for belongs in sets)
    )


def method_of_name(name: str) -> Method:
    """Returns the method of this name.

    Raises:
        InputError: There is none.
    """
    return next(each for each in chosen_methods([name]) if each.name == name)


def methods_of_steps(names: Sequence[str] | None = None) -> tuple[Method, ...]:
    """Returns the methods that explain each token of a continuation; leave-one-out is computed for all at once.

    Args:
        names: Names of methods; by default all with `for_each_token`. Last-layer attention is always added.

    Raises:
        InputError: A name is unknown.
    """
    usual = [each.name for each in chosen_methods() if each.for_each_token]
    return tuple(each for each in chosen_methods(usual if names is None else names) if each.name != LEAVE_ONE_OUT)


@gradients_on()
def explain(
    subject: Subject,
    text: str | Example,
    method: str,
    second: str | None = None,
    *,
    target: Any = None,
    against: Any = None,
    eraser: str | None = None,
    integration_steps: int = USUAL_STEPS,
) -> Attribution:
    """Explains one decision by one method.

    Args:
        subject: A model, from `interpret.load`.
        text: The input text, or an image's path; or an encoded input from `subject.encode`.
        method: Name of the method.
        second: A second text, for tasks that have one.
        target: The label to explain, by its name or index; by default the predicted one.
        against: The label that it is held against, to explain why one rather than the other; by default all others.
        eraser: How units are taken out; by default the first of `subject.erasers`.
        integration_steps: Points of an integral along a path.

    Raises:
        InputError: There is no such method, or the input or the target can't be used.
        CaptureError: The model's attention can't be read.

    Example:
        >>> found = explain(interpret.load(), "Slow at first, then wonderful.", "saliency")
        >>> [round(score, 2) for score in found.scores.tolist()]
        [1.5, 0.18, 0.31, 0.2, 0.55, 1.19, 0.19]
    """
    chosen = method_of_name(method)
    subject, example, target = subject.asked_about(text, second, target=target, against=against)
    with evaluating(subject.model), remembered(subject, example.ids[None]):
        decision = subject.decide(example, target)
        shared = Shared(subject, example, decision, integration_steps=integration_steps, eraser=eraser)
        return chosen(subject, example, decision, shared)


def about_method(name: str) -> str:
    """Returns one sentence on what a method shows; empty for unregistered methods."""
    return _methods[name].about if name in _methods else ""


@cache
def _load_installed() -> None:
    for point in entry_points(group=GROUP):
        with refusing(f"the method {point.name!r} of an installed package ({point.value}) can't be loaded"):
            point.load()

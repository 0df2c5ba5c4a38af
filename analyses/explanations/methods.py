"""Registry of explanation methods: the built-in ones, and those that users add.

Everything that runs, names, plans or describes explanations reads this list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from analyses.explanations.attention_edits.atman import atman
from analyses.explanations.attention_edits.knockout import attention_knockout
from analyses.explanations.attention_edits.value_zeroing import value_zeroing, value_zeroing_rollout
from analyses.explanations.attention_only.flow import attention_flow
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.mean_attention import mean_attention
from analyses.explanations.attention_only.rollout import rollout_attribution
from analyses.explanations.attribution import Attribution
from analyses.explanations.floors.length import longer_first
from analyses.explanations.floors.position import earlier_first, later_first
from analyses.explanations.floors.random_order import random_order
from analyses.explanations.floors.rarity import rarer_first
from analyses.explanations.gradient_based.attcat import attcat
from analyses.explanations.gradient_based.attention_x_gradient import attention_x_gradient
from analyses.explanations.gradient_based.chefer_relevance import chefer_relevance
from analyses.explanations.gradient_based.gim import gim
from analyses.explanations.gradient_based.gradient_shap import DRAWS as GRADIENT_SHAP_DRAWS
from analyses.explanations.gradient_based.gradient_shap import gradient_shap
from analyses.explanations.gradient_based.input_x_gradient import input_x_gradient
from analyses.explanations.gradient_based.integrated_gradients import integrated_gradients
from analyses.explanations.gradient_based.saliency import saliency
from analyses.explanations.gradient_based.smoothgrad import DRAWS as SMOOTHGRAD_DRAWS
from analyses.explanations.gradient_based.smoothgrad import smoothgrad
from analyses.explanations.input_edits.kernel_shap import kernel_shap, usual_draws
from analyses.explanations.input_edits.leave_one_out import attribution_of_falls
from analyses.explanations.input_edits.occlusion import occlusion
from analyses.explanations.input_edits.shapley_sampling import PERMUTATIONS, shapley_sampling
from analyses.explanations.shared import USUAL_STEPS, Shared
from analyses.explanations.value_aware.alti import alti
from analyses.explanations.value_aware.alti_logit import alti_logit
from analyses.explanations.value_aware.globenc import globenc
from analyses.explanations.value_aware.information_flow import information_flow_routes
from analyses.explanations.value_aware.residual_norms import residual_norms
from analyses.explanations.value_aware.weighted_value_norms import weighted_value_norms
from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.system.refusals import refusing

GROUP = "interpret.methods"  # entry-point group by which installed packages add methods

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
        gradient_passes: Number of passes with a gradient, for the plan.
        follows_path: Whether it needs `shared.integration_steps` further such passes.
        passes: Number of passes without a gradient, by the number of units, for the plan.
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
    passes: Callable[[int], int] = field(default=lambda units: 0, repr=False)
    usual: bool = True
    fast: bool = True
    for_each_token: bool = True

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


BUILT_IN = (
    Method(
        "last-layer attention",
        "Where the position the decision is read from looks in the last layer, mean over heads.",
        lambda _, example, decision, shared: last_layer_attention(shared.attention, example, decision),
    ),
    Method(
        "attention rollout",
        "Attention multiplied through all layers, to trace what reached the decision.",
        lambda _, example, decision, shared: rollout_attribution(shared.rollout, example, decision),
    ),
    Method(
        "Chefer relevance",
        "Attention weighted by how much it raises the margin, followed through all layers.",
        lambda subject, example, decision, _: chefer_relevance(subject, example, decision),
        gradient_passes=1,
        for_each_token=False,
    ),
    Method(
        "saliency",
        "How strongly the score reacts to a tiny change of each {one}. No direction.",
        lambda subject, example, decision, _: saliency(subject, example, decision),
        gradient_passes=1,
        for_each_token=False,
    ),
    Method(
        "input x gradient",
        "The {one}'s vector times that reaction: the first-order guess at what the {one} adds.",
        lambda subject, example, decision, _: input_x_gradient(subject, example, decision),
        gradient_passes=1,
    ),
    Method(
        "integrated gradients",
        "Adds that reaction up on the way from {blank} to this one.",
        lambda subject, example, decision, shared: integrated_gradients(
            subject, example, decision, steps=shared.integration_steps
        ),
        follows_path=True,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "weighted value norms",
        "How long the vectors are that the last layer's attention fetches from each {one}, whatever their weights.",
        lambda _, example, decision, shared: weighted_value_norms(shared.decomposition, example, decision),
        passes=lambda _: 1,
        usual=False,
    ),
    Method(
        "residual norms",
        "The same in the last layer's whole sum, which keeps the {one}'s own vector, and through its norm.",
        lambda _, example, decision, shared: residual_norms(shared.decomposition, example, decision),
        passes=lambda _: 1,
        usual=False,
    ),
    Method(
        "ALTI",
        "How close what each {one} adds comes to what each position becomes, multiplied through all layers.",
        lambda _, example, decision, shared: alti(shared.decomposition, example, decision),
        passes=lambda _: 1,
        usual=False,
    ),
    Method(
        "GlobEnc",
        "How long the vectors are that each {one} adds, through each layer's norms, multiplied through all layers.",
        lambda _, example, decision, shared: globenc(shared.decomposition, example, decision),
        passes=lambda _: 1,
        usual=False,
    ),
    Method(
        "information flow routes",
        "The share of all routes through heads and skip connections that start at each {one}.",
        lambda _, example, decision, shared: information_flow_routes(shared.decomposition, example, decision),
        passes=lambda _: 1,
        usual=False,
    ),
    Method(
        "ALTI-Logit",
        "The part of the margin that attention fetched from each {one}, in logits; not on every model.",
        lambda _, example, decision, shared: alti_logit(shared.decomposition, example, decision),
        passes=lambda _: 1,
        usual=False,
    ),
    Method(
        "mean attention",
        "Where the position the decision is read from looks, mean over all layers and heads.",
        lambda _, example, decision, shared: mean_attention(shared.attention, example, decision),
        usual=False,
    ),
    Method(
        "attention flow",
        "The most that could reach the decision from each {one} through attention, one {one} at a time.",
        lambda _, example, decision, shared: attention_flow(shared.attention, example, decision),
        usual=False,
        fast=False,
    ),
    Method(
        "attention x gradient",
        "The first-order guess at how far the margin falls if no attention to the {one} carried anything.",
        lambda subject, example, decision, _: attention_x_gradient(subject, example, decision),
        gradient_passes=1,
        usual=False,
    ),
    Method(
        "AttCAT",
        "In each layer, the {one}'s vector times the score's reaction to it, weighted by the attention it gets there.",
        lambda subject, example, decision, _: attcat(subject, example, decision),
        gradient_passes=1,
        usual=False,
    ),
    Method(
        "AtMan",
        "Suppresses all attention to each {one} and to those like it, and measures how far the margin falls.",
        lambda subject, example, decision, _: atman(subject, example, decision),
        passes=lambda units: units,
        usual=False,
        fast=False,
    ),
    Method(
        "attention knock-out",
        "Cuts all attention from others to each {one} and measures how far the margin falls.",
        lambda subject, example, decision, _: attention_knockout(subject, example, decision),
        passes=lambda units: units,
        usual=False,
        fast=False,
    ),
    Method(
        "value zeroing",
        "How far the last layer's output turns where the decision is read, without what each {one} gives to attention.",
        lambda subject, example, decision, _: value_zeroing(subject, example, decision),
        passes=lambda units: units,
        usual=False,
        fast=False,
    ),
    Method(
        "value zeroing rollout",
        "How far each layer's output turns without what a position gives to attention, followed through all layers.",
        lambda subject, example, decision, _: value_zeroing_rollout(subject, example, decision),
        passes=lambda units: units,
        usual=False,
        fast=False,
    ),
    Method(
        "SmoothGrad",
        "That reaction as it is on average where some noise is added to all vectors. No direction.",
        lambda subject, example, decision, _: smoothgrad(subject, example, decision),
        gradient_passes=SMOOTHGRAD_DRAWS,
        usual=False,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "GradientShap",
        "Adds that reaction up at random places between {blank} and noisy copies of this one.",
        lambda subject, example, decision, _: gradient_shap(subject, example, decision),
        gradient_passes=GRADIENT_SHAP_DRAWS,
        usual=False,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "GIM",
        "Input x gradient that also sees what attention and norms would make up for.",
        lambda subject, example, decision, _: gim(subject, example, decision),
        gradient_passes=1,
        usual=False,
        for_each_token=False,
    ),
    Method(
        "leave-one-out",
        "Takes each {one} out by itself and measures how far the margin falls.",
        lambda _, example, decision, shared: attribution_of_falls(example, decision.margin - shared.without.margin),
        passes=lambda units: units,
        fast=False,
        for_each_token=False,  # computed once for all tokens instead (`analyses.generation.leave_one_out`)
    ),
    Method(
        "occlusion",
        "Takes several neighbouring {many} out at a time and measures how far the margin falls.",
        lambda subject, example, decision, shared: occlusion(subject, example, decision, eraser=shared.eraser),
        passes=lambda units: units,
        usual=False,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "Shapley sampling",
        "Brings the {many} back one by one, in random orders, and measures what each adds on average.",
        lambda subject, example, decision, shared: shapley_sampling(subject, example, decision, eraser=shared.eraser),
        passes=lambda units: PERMUTATIONS * units,
        usual=False,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "KernelSHAP",
        "Leaves random sets of {many} and fits what each adds to the margin, on average over sets.",
        lambda subject, example, decision, shared: kernel_shap(subject, example, decision, eraser=shared.eraser),
        passes=lambda units: min(2**units, usual_draws(units)),
        usual=False,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "baseline: random order",
        "One random order, which knows nothing of the model: what every map must beat.",
        lambda _, example, *__: random_order(example),
        usual=False,
    ),
    Method(
        "baseline: earlier first",
        "Earlier {many} first, whatever they hold: an order that knows nothing of the model.",
        lambda _, example, *__: earlier_first(example),
        usual=False,
    ),
    Method(
        "baseline: later first",
        "Later {many} first, whatever they hold: an order that knows nothing of the model.",
        lambda _, example, *__: later_first(example),
        usual=False,
    ),
    Method(
        "baseline: longer first",
        "Longer {many} first, whatever they hold: an order that knows nothing of the model.",
        lambda _, example, *__: longer_first(example),
        usual=False,
    ),
    Method(
        "baseline: rarer first",
        "{Many} first that are rare in the vocabulary: an order that knows nothing of the model.",
        lambda _, example, *__: rarer_first(example),
        usual=False,
    ),
)
LEAVE_ONE_OUT = "leave-one-out"
JUDGED = BUILT_IN[0].name  # the verdict is about this method, so every analysis includes it
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

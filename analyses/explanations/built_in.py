"""The explanation methods that come with the package, in the order in which everything shows them."""

from analyses.explanations.attention_edits.atman import atman
from analyses.explanations.attention_edits.knockout import attention_knockout
from analyses.explanations.attention_edits.value_zeroing import value_zeroing, value_zeroing_rollout
from analyses.explanations.attention_only.flow import attention_flow
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.mean_attention import mean_attention
from analyses.explanations.attention_only.rollout import rollout_attribution
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
from analyses.explanations.input_edits.kernel_shap import kernel_shap
from analyses.explanations.input_edits.kernel_shap import usual_coalitions as kernel_shap_coalitions
from analyses.explanations.input_edits.leave_one_out import attribution_of_falls
from analyses.explanations.input_edits.occlusion import occlusion, windows
from analyses.explanations.input_edits.shapley_sampling import shapley_sampling
from analyses.explanations.input_edits.shapley_sampling import usual_coalitions as shapley_sampling_coalitions
from analyses.explanations.method import Method
from analyses.explanations.value_aware.alti import alti
from analyses.explanations.value_aware.alti_logit import alti_logit
from analyses.explanations.value_aware.globenc import globenc
from analyses.explanations.value_aware.information_flow import information_flow_routes
from analyses.explanations.value_aware.residual_norms import residual_norms
from analyses.explanations.value_aware.weighted_value_norms import weighted_value_norms
from interpret.subjects.inputs.example import Example


def _one(_: Example) -> int:
    return 1


def _each_unit(example: Example) -> int:
    return len(example.units)


def _each_value(example: Example) -> int:
    """The recorded pass, and a layer with no value vector zeroed and with each; more copies where texts are long."""
    return 2 + len(example.ids)


BUILT_IN = (
    Method(
        "last-layer attention",
        "Where the position the decision is read from looks in the last layer, mean over heads.",
        lambda _, example, decision, shared: last_layer_attention(shared.attention, example, decision),
        plain_passes=_one,
    ),
    Method(
        "attention rollout",
        "Attention multiplied through all layers, to trace what reached the decision.",
        lambda _, example, decision, shared: rollout_attribution(shared.rollout, example, decision),
        plain_passes=_one,
    ),
    Method(
        "Chefer relevance",
        "Attention weighted by how much it raises the margin, followed through all layers.",
        lambda subject, example, decision, shared: chefer_relevance(
            subject, example, decision, gradient=shared.recorded_gradient
        ),
        gradient_passes=1,
        for_each_token=False,
    ),
    Method(
        "saliency",
        "How strongly the score reacts to a tiny change of each {one}. No direction.",
        lambda subject, example, decision, shared: saliency(subject, example, decision, gradient=shared.gradient),
        gradient_passes=1,
        for_each_token=False,
    ),
    Method(
        "input x gradient",
        "The {one}'s vector times that reaction: the first-order guess at what the {one} adds.",
        lambda subject, example, decision, shared: input_x_gradient(
            subject, example, decision, gradient=shared.gradient
        ),
        gradient_passes=1,
    ),
    Method(
        "integrated gradients",
        "Adds that reaction up on the way from {blank} to this one.",
        lambda subject, example, decision, shared: integrated_gradients(
            subject, example, decision, steps=shared.integration_steps
        ),
        plain_passes=lambda _: 2,  # both ends of the path
        follows_path=True,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "weighted value norms",
        "How long the vectors are that the last layer's attention fetches from each {one}, whatever their weights.",
        lambda _, example, decision, shared: weighted_value_norms(shared.decomposition, example, decision),
        plain_passes=_one,
        usual=False,
    ),
    Method(
        "residual norms",
        "The same in the last layer's whole sum, which keeps the {one}'s own vector, and through its norm.",
        lambda _, example, decision, shared: residual_norms(shared.decomposition, example, decision),
        plain_passes=_one,
        usual=False,
    ),
    Method(
        "ALTI",
        "How close what each {one} adds comes to what each position becomes, multiplied through all layers.",
        lambda _, example, decision, shared: alti(shared.decomposition, example, decision),
        plain_passes=_one,
        usual=False,
    ),
    Method(
        "GlobEnc",
        "How long the vectors are that each {one} adds, through each layer's norms, multiplied through all layers.",
        lambda _, example, decision, shared: globenc(shared.decomposition, example, decision),
        plain_passes=_one,
        usual=False,
    ),
    Method(
        "information flow routes",
        "The share of all routes through heads and skip connections that start at each {one}.",
        lambda _, example, decision, shared: information_flow_routes(shared.decomposition, example, decision),
        plain_passes=_one,
        usual=False,
    ),
    Method(
        "ALTI-Logit",
        "The part of the margin that attention fetched from each {one}, in logits; not on every model.",
        lambda _, example, decision, shared: alti_logit(shared.decomposition, example, decision),
        plain_passes=_one,
        usual=False,
    ),
    Method(
        "mean attention",
        "Where the position the decision is read from looks, mean over all layers and heads.",
        lambda _, example, decision, shared: mean_attention(shared.attention, example, decision),
        plain_passes=_one,
        usual=False,
    ),
    Method(
        "attention flow",
        "The most that could reach the decision from each {one} through attention, one {one} at a time.",
        lambda _, example, decision, shared: attention_flow(shared.attention, example, decision),
        plain_passes=_one,
        usual=False,
        fast=False,
    ),
    Method(
        "attention x gradient",
        "The first-order guess at how far the margin falls if no attention to the {one} carried anything.",
        lambda subject, example, decision, shared: attention_x_gradient(
            subject, example, decision, gradient=shared.recorded_gradient
        ),
        gradient_passes=1,
        usual=False,
    ),
    Method(
        "AttCAT",
        "In each layer, the {one}'s vector times the score's reaction to it, weighted by the attention it gets there.",
        lambda subject, example, decision, shared: attcat(
            subject, example, decision, gradient=shared.recorded_gradient
        ),
        gradient_passes=1,
        usual=False,
    ),
    Method(
        "AtMan",
        "Suppresses all attention to each {one} and to those like it, and measures how far the margin falls.",
        lambda subject, example, decision, _: atman(subject, example, decision),
        plain_passes=_each_unit,
        usual=False,
        fast=False,
    ),
    Method(
        "attention knock-out",
        "Cuts all attention from others to each {one} and measures how far the margin falls.",
        lambda subject, example, decision, _: attention_knockout(subject, example, decision),
        plain_passes=_each_unit,
        usual=False,
        fast=False,
    ),
    Method(
        "value zeroing",
        "How far the last layer's output turns where the decision is read, without what each {one} gives to attention.",
        lambda subject, example, decision, _: value_zeroing(subject, example, decision),
        plain_passes=_each_value,
        usual=False,
        fast=False,
    ),
    Method(
        "value zeroing rollout",
        "How far each layer's output turns without what a position gives to attention, followed through all layers.",
        lambda subject, example, decision, _: value_zeroing_rollout(subject, example, decision),
        plain_passes=_each_value,
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
        plain_passes=_each_unit,
        fast=False,
        for_each_token=False,  # computed once for all tokens instead (`analyses.generation.leave_one_out`)
    ),
    Method(
        "occlusion",
        "Takes several neighbouring {many} out at a time and measures how far the margin falls.",
        lambda subject, example, decision, shared: occlusion(subject, example, decision, eraser=shared.eraser),
        plain_passes=lambda example: len(windows(example)),
        usual=False,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "Shapley sampling",
        "Brings the {many} back one by one, in random orders, and measures what each adds on average.",
        lambda subject, example, decision, shared: shapley_sampling(subject, example, decision, eraser=shared.eraser),
        plain_passes=lambda example: shapley_sampling_coalitions(len(example.units)),
        usual=False,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "KernelSHAP",
        "Leaves random sets of {many} and fits what each adds to the margin, on average over sets.",
        lambda subject, example, decision, shared: kernel_shap(subject, example, decision, eraser=shared.eraser),
        plain_passes=lambda example: kernel_shap_coalitions(len(example.units)),
        usual=False,
        fast=False,
        for_each_token=False,
    ),
    Method(
        "baseline: random order",
        "One random order, which knows nothing of the model: what every map must beat.",
        lambda _, example, *__: random_order(example),
        usual=False,
        fast=False,  # a study has random orders anyway
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
TRIVIAL_ORDERS = tuple(f"baseline: {kind} first" for kind in ("earlier", "later", "longer", "rarer"))
JUDGED = BUILT_IN[0].name  # the verdict is about this method, so every analysis includes it

"""Types of the model and of the run in a document of JSON."""

from typing_extensions import TypedDict

from analyses.planning.plan import CostDict
from interpret.subjects.inputs.example import UnitKind
from interpret.subjects.task_facts import LayerKind


class ModelDict(TypedDict):
    """The model.

    Attributes:
        name: The user's name for it.
        task: Its task, as transformers' pipelines spell it.
        architecture: Name of its class.
        parameters: Number of parameters.
        layers: Number of attention calls.
        layer_names: Name of each, such as "layer 3"; counted from 1.
        layer_kinds: The stack that each belongs to; "layer" where there is only one.
        heads: Number of heads of each.
        sha256: Digest of the weights.
        kernel: The attention function that it was run with.
        causal: Whether positions see earlier ones only.
        sink_policy: Whether the first word of a causal model is left out of rankings ("drop") or not ("keep").
        units_policy: Kind of unit that was asked for.
    """

    name: str
    task: str
    architecture: str
    parameters: int
    layers: int
    layer_names: list[str]
    layer_kinds: list[LayerKind]
    heads: int
    sha256: str | None
    kernel: str
    causal: bool
    sink_policy: str
    units_policy: UnitKind


class RunDict(CostDict):
    """How the result was made.

    Attributes:
        command: Command that reproduces it; may be empty.
        seed: Seed of everything random.
        device: Device of the model.
        dtype: Precision of the weights.
        versions: Version of each package, and of Python.
    """

    command: str
    seed: int
    device: str
    dtype: str
    versions: dict[str, str]


class AnalysisRunDict(RunDict):
    """How the analysis was made.

    Attributes:
        effort: Name of the effort.
        adversary_steps: Steps of the search for adversarial attention, in `classic`.
    """

    effort: str
    adversary_steps: int

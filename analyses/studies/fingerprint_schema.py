"""What the records of a study depend on, in the JSON of its summary."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from interpret.subjects.inputs.example import UnitKind

SCHEMA: Literal["interpret-attention/study/3"] = "interpret-attention/study/3"


class StudiedModelDict(TypedDict):
    """The model of a study.

    Attributes:
        name: The user's name for it.
        sha256: Digest of the weights.
        layers: Number of attention calls.
        heads: Number of heads of each; null where they differ.
        sink: Whether the first word of a causal model is left out of rankings ("drop") or not ("keep").
        units: Kind of unit that was asked for.
    """

    name: str
    sha256: str | None
    layers: int
    heads: int | None
    sink: str
    units: UnitKind


class StudiedDataDict(TypedDict):
    """The data of a study.

    Attributes:
        rows: Number of rows that were studied.
        sha256: Digest of their texts and labels.
    """

    rows: int
    sha256: str


class StudyOptionsDict(TypedDict):
    """Settings of a study.

    Attributes:
        sanity_texts: Number of texts whose explanations are checked.
        sanity_draws: Of each, how often the weights are shuffled.
        sanity_noises: Maps that are averaged for the smooth variant.
        permutations: Permutations of the words' weights, of each text.
        replacements: Replacements of each word.
        orders: Random orders that "top" is held against.
        chunk_rows: Texts that are stored together.
        resampler: Source of replacement words.
        object: Key of the weights that were tested.
        classic_eraser: How words are taken out in the published tests, if they were run.
        classic_adversary_steps: Steps of their search for adversarial attention, if they were run.
        evidence_methods: Explanations that are compared with marked words, if words are marked.
        methods: Explanations that are ranked, if any are.
        own_methods: Digest of the code of each of them that isn't built in.
        measures: Measures by which they are judged, if others than the usual ones.
        ranking_eraser: How words are taken out where explanations are ranked, if any are.
        look_back_tolerance: Share of the margin that counts as no change in how far back decisions look, if measured.
        look_back_draws: Random draws of each text for it.
    """

    sanity_texts: NotRequired[int]
    sanity_draws: NotRequired[int]
    sanity_noises: NotRequired[int]
    permutations: int
    replacements: int
    orders: int
    chunk_rows: int
    resampler: str
    object: str
    classic_eraser: NotRequired[str]
    classic_adversary_steps: NotRequired[int]
    evidence_methods: NotRequired[list[str]]
    methods: NotRequired[list[str]]
    own_methods: NotRequired[dict[str, str]]
    measures: NotRequired[list[str]]
    ranking_eraser: NotRequired[str]
    look_back_tolerance: NotRequired[float]
    look_back_draws: NotRequired[int]


class StudyFingerprint(TypedDict):
    """Everything that a study's records depend on.

    Attributes:
        schema: Version of this format.
        model: The model.
        data: The data.
        options: The settings.
        seed: Seed of everything random.
        versions: Version of each package.
    """

    schema: Literal["interpret-attention/study/3"]
    model: StudiedModelDict
    data: StudiedDataDict
    options: StudyOptionsDict
    seed: int
    versions: dict[str, str]

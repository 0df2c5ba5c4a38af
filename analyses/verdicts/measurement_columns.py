"""Measurements of several texts, by field: a value for each text."""

from typing_extensions import TypedDict

from analyses.verdicts.measurement import Measurement


class RowColumns(TypedDict):
    """U, D, R and T: what edits of a row do, or of a map in its place."""

    use: list[float]
    joint: list[float]
    single: list[tuple[float, ...]]
    conditional: list[tuple[float, ...]]
    shown: list[tuple[float, ...]]
    rank: list[float]
    rank_ways: list[tuple[float, float]]
    rank_substituted: list[float]
    top: list[float]
    top_most: list[float]


class DescriptiveColumns(TypedDict):
    """What describes them."""

    uniform: list[float]
    rank_tau: list[float]
    rank_shuffled: list[float]
    rank_of_values: list[float]
    rank_unfelt: list[int]


class InputColumns(TypedDict):
    """I and S, and I of other rankings."""

    input_rank: list[float]
    input_ways: list[tuple[float, float]]
    input_rank_halves: list[tuple[float, float]]
    reliability: list[float]
    share: list[float]
    p_luck: list[float]
    in_context: list[tuple[float, ...]]
    alone: list[tuple[float, ...]]
    input_tau: list[float]
    opposed: list[float]
    position_rank: list[float]
    rarity_rank: list[float]
    head_ranks: list[tuple[float, ...]]
    input_unfelt: list[int]


class TextColumns(TypedDict):
    """The texts themselves, beside texts with other words."""

    words: list[int]
    margin: list[float]
    reach: list[float]
    spread: list[float]
    sink: list[float]
    rounding: list[float]


def measurements(
    inputs: InputColumns, row: RowColumns, described: DescriptiveColumns, texts: TextColumns
) -> list[Measurement]:
    """Puts the fields of each text together.

    Args:
        inputs: Columns of I and S.
        row: Columns of U, D, R and T.
        described: Columns that describe them.
        texts: Columns of the texts.
    """
    columns = {**inputs, **row, **described, **texts}
    values = zip(*columns.values(), strict=True)
    return [Measurement(**dict(zip(columns, each, strict=True))) for each in values]

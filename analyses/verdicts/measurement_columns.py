"""Measurements of several texts, by field: a value for each text."""

from typing_extensions import TypedDict

from analyses.verdicts.measurement import Measurement


class HeadColumns(TypedDict):
    """U and D, and what equal weights do."""

    use: list[float]
    joint: list[float]
    uniform: list[float]
    single: list[tuple[float, ...]]
    conditional: list[tuple[float, ...]]
    shown: list[tuple[float, ...]]


class PositionColumns(TypedDict):
    """R, and what describes it."""

    rank: list[float]
    rank_substituted: list[float]
    rank_tau: list[float]
    rank_shuffled: list[float]
    rank_of_values: list[float]
    p_rank: list[float]
    rank_unfelt: list[int]


class InputColumns(TypedDict):
    """I and S, and I of other rankings."""

    input_rank: list[float]
    input_rank_halves: list[tuple[float, float]]
    input_tau: list[float]
    largest: list[float]
    share: list[float]
    opposed: list[float]
    position_rank: list[float]
    rarity_rank: list[float]
    head_ranks: list[tuple[float, ...]]
    p_input: list[float]
    rounding: list[float]
    input_unfelt: list[int]


class TopColumns(TypedDict):
    """T, and its p-value."""

    top: list[float]
    p_top: list[float]


class TextColumns(TypedDict):
    """The texts themselves, and texts with other words."""

    words: list[int]
    margin: list[float]
    sink: list[float]
    spread: list[float]
    unlike: list[tuple[float, float, float]]


def measurements(
    heads: HeadColumns, positions: PositionColumns, inputs: InputColumns, top: TopColumns, texts: TextColumns
) -> list[Measurement]:
    """Puts the fields of each text together.

    Args:
        heads: Columns of U and D.
        positions: Columns of R.
        inputs: Columns of I and S.
        top: Columns of T.
        texts: Columns of the texts.
    """
    return [
        Measurement(
            words=texts["words"][text],
            margin=texts["margin"][text],
            spread=texts["spread"][text],
            use=heads["use"][text],
            rank=positions["rank"][text],
            rank_substituted=positions["rank_substituted"][text],
            input_rank=inputs["input_rank"][text],
            input_rank_halves=inputs["input_rank_halves"][text],
            top=top["top"][text],
            largest=inputs["largest"][text],
            share=inputs["share"][text],
            joint=heads["joint"][text],
            single=heads["single"][text],
            conditional=heads["conditional"][text],
            shown=heads["shown"][text],
            p_rank=positions["p_rank"][text],
            p_input=inputs["p_input"][text],
            p_top=top["p_top"][text],
            unlike=texts["unlike"][text],
            sink=texts["sink"][text],
            uniform=heads["uniform"][text],
            rank_tau=positions["rank_tau"][text],
            input_tau=inputs["input_tau"][text],
            rank_shuffled=positions["rank_shuffled"][text],
            rank_of_values=positions["rank_of_values"][text],
            opposed=inputs["opposed"][text],
            position_rank=inputs["position_rank"][text],
            rarity_rank=inputs["rarity_rank"][text],
            head_ranks=inputs["head_ranks"][text],
            rounding=inputs["rounding"][text],
            rank_unfelt=positions["rank_unfelt"][text],
            input_unfelt=inputs["input_unfelt"][text],
        )
        for text in range(len(texts["words"]))
    ]

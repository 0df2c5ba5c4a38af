"""Weight matrices of a planted model, built from its recipe: the coordinates that each head reads and writes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interpret.native.planted.recipe import END, EPS, LARGEST_COORDINATE, START, PlantedRecipe

AWAY = 30.0  # score that directs a row to the last token, [SEP], whose value is 0: e⁻³⁰ is left for the rest
MOVING = 300.0  # score of the previous position; any other gets at least 40 less
PERIODS = {"1": 96, "8": 12}  # periods of the two position angles; no text is longer than the first

Matrix = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True, eq=False)
class Projections:
    """Projection matrices of one layer's attention, without bias.

    Attributes:
        query: Query projection of all heads.
        key: Key projection of all heads.
        value: Value projection of all heads.
        output: Output projection.
    """

    query: Float[np.ndarray, "joined hidden"]
    key: Float[np.ndarray, "joined hidden"]
    value: Float[np.ndarray, "joined hidden"]
    output: Float[np.ndarray, "hidden joined"]


def token_table(recipe: PlantedRecipe) -> Float[np.ndarray, "id hidden"]:
    """Token embeddings; with those of positions, all have the same norm, so that a layer norm keeps them."""
    names, count = recipe.coordinates, len(recipe.words)
    stored = dict.fromkeys(names, np.zeros(count))
    numbers = np.arange(count)
    stored["start"], stored["end"] = (numbers == START) * 1.0, (numbers == END) * 1.0
    stored["word"] = (numbers != START) * 1.0
    for kind in range(recipe.scores.shape[1]):
        stored[f"score{kind}"] = recipe.scores[:, kind] / recipe.unit(f"score{kind}")
        stored[f"value{kind}"] = recipe.values[:, kind] / recipe.unit(f"value{kind}")
    if "pooled" in names:
        stored["pooled"] = recipe.pooled / recipe.unit("pooled")
    if "collector" in names:
        stored["collector"] = (numbers == recipe.collector) * 1.0
    taken = sum(column**2 for column in stored.values())
    places = (position_table(recipe, 1) ** 2).sum() / 2
    stored["slack"] = np.sqrt(recipe.pairs * (1 - EPS) - taken - places)
    return _vectors(recipe, stored, count)


def position_table(recipe: PlantedRecipe, positions: int) -> Float[np.ndarray, "position hidden"]:
    """Position embeddings, which hold nothing, two angles, or a score; all have the same norm."""
    stored: dict[str, Float[np.ndarray, " position"]] = {}
    numbers = np.arange(positions)
    if recipe.lower == "move":
        for name, period in PERIODS.items():
            stored[f"cos{name}"] = LARGEST_COORDINATE * np.cos(2 * np.pi * numbers / period)
            stored[f"sin{name}"] = LARGEST_COORDINATE * np.sin(2 * np.pi * numbers / period)
    if recipe.position_scores is not None:
        stored["score0"] = recipe.position_scores[:positions] / recipe.unit("score0")
        stored["position_slack"] = np.sqrt(np.maximum(LARGEST_COORDINATE**2 - stored["score0"] ** 2, 0))
    return _vectors(recipe, stored, positions)


def projections(recipe: PlantedRecipe, layer: int, slots: tuple[int, ...]) -> Projections:
    """Builds the projections of one layer's attention.

    Args:
        recipe: The model.
        layer: Index of the layer, from 0.
        slots: Dimensions of a head to use: two, or four for "move".
    """
    hidden, heads = 2 * recipe.pairs, len(recipe.head_kinds)
    dim = hidden // heads
    query, key, value = (np.zeros((heads, dim, hidden)) for _ in range(3))
    output = np.zeros((hidden, heads, dim))
    for head in range(heads):
        if layer == recipe.layers - 1:
            parts = _last(recipe, head)
        elif layer == 0 and recipe.lower != "idle":
            parts = _lower(recipe)
        else:
            continue
        for matrix, rows in zip((query, key, value), parts[:3], strict=True):
            for slot, row in zip(slots, rows, strict=False):
                matrix[head, slot] = row
        query[head] *= np.sqrt(dim)
        for slot, column in zip(slots, parts[3], strict=False):
            output[:, head, slot] = column
    joined = (heads * dim, hidden)
    return Projections(query.reshape(joined), key.reshape(joined), value.reshape(joined), output.reshape(hidden, -1))


def readout(recipe: PlantedRecipe) -> Float[np.ndarray, "label hidden"]:
    """Readout matrix, from the first token's final hidden state to the two logits."""
    row = (recipe.gain * reading(recipe, "written") + recipe.bias * reading(recipe, "start")) / 2
    return np.stack([-row, row])


def reading(recipe: PlantedRecipe, name: str) -> Float[np.ndarray, " hidden"]:
    """Matrix row that reads one coordinate."""
    row = np.zeros(2 * recipe.pairs)
    place = 2 * recipe.coordinates.index(name)
    row[place : place + 2] = 0.5, -0.5
    return row


def _writing(recipe: PlantedRecipe, name: str) -> Float[np.ndarray, " hidden"]:
    return 2 * reading(recipe, name)


def _vectors(
    recipe: PlantedRecipe, stored: dict[str, Float[np.ndarray, " row"]], count: int
) -> Float[np.ndarray, "{count} hidden"]:
    table = np.zeros((count, 2 * recipe.pairs))
    for name, column in stored.items():
        table += column[:, None] * _writing(recipe, name)
    return table


Rows = list[Float[np.ndarray, " hidden"]]


def _last(recipe: PlantedRecipe, head: int) -> tuple[Rows, Rows, Rows, Rows]:
    """Last layer: the query is the same at every position, and keys give the score of this head's kind."""
    kind, taken = recipe.head_kinds[head], recipe.taken
    score = reading(recipe, f"score{kind}") * recipe.unit(f"score{kind}")
    value = reading(recipe, f"value{kind}") * recipe.unit(f"value{kind}")
    if recipe.lower == "move":
        moved_score, moved_value = (
            reading(recipe, f"moved_{name}") * recipe.unit(f"{name}0") for name in ("score", "value")
        )
        score = taken.own_score * score + taken.moved_score * moved_score
        value = taken.own_value * value + taken.moved_value * moved_value
    for name, special in zip(("start", "end"), recipe.special_scores[:, kind], strict=True):
        score = score + special * reading(recipe, name)
    if recipe.lower == "gather":
        value = reading(recipe, "gathered")
    written = recipe.head_weights[head] * _writing(recipe, "null" if recipe.into_null else "written")
    return [reading(recipe, "start") + reading(recipe, "word")], [score], [value], [written]


def _lower(recipe: PlantedRecipe) -> tuple[Rows, Rows, Rows, Rows]:
    """First layer: the reading positions take values, and all others attend to the last token."""
    none, share = np.zeros(2 * recipe.pairs), 1 / len(recipe.head_kinds)
    if recipe.lower == "move":
        return _moving(recipe)
    if recipe.lower == "pool":
        sent = reading(recipe, "word")
        value, written = reading(recipe, "pooled") * recipe.unit("pooled"), recipe.pool_weight
        target = _writing(recipe, "written")
    else:
        sent = reading(recipe, "word") + reading(recipe, "start") - reading(recipe, "collector")
        value, written, target = reading(recipe, "pooled"), 1.0, _writing(recipe, "gathered")
    return [none, AWAY * sent], [none, reading(recipe, "end")], [value], [share * written * target]


def _moving(recipe: PlantedRecipe) -> tuple[Rows, Rows, Rows, Rows]:
    """First layer of "move": each position attends to the previous one by angle, and takes its score and value."""
    query, key, share = [], [], 1 / len(recipe.head_kinds)
    for name, period in PERIODS.items():
        step = 2 * np.pi / period
        cos, sin = reading(recipe, f"cos{name}"), reading(recipe, f"sin{name}")
        query += [np.cos(step) * cos + np.sin(step) * sin, np.cos(step) * sin - np.sin(step) * cos]
        key += [cos, sin]
    query = [MOVING / LARGEST_COORDINATE**2 * row for row in query]
    values = [reading(recipe, "score0"), reading(recipe, "value0")]
    return query, key, values, [share * _writing(recipe, name) for name in ("moved_score", "moved_value")]

"""Whether the attention calls of a pass are layers, each of which reads what the one before wrote.

Rollout, relevance and "the last layer" mean something only then. Which call reads which was seen while the pass ran
(`interpret.attention.observed.streams`). Of models whose code is known it is seen once, for it is the same in all
their passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from interpret.attention.call import AttentionCall
from interpret.attention.observed.streams import Reading
from interpret.attention.observed.suspects import suspects
from interpret.attention.parted_call import PartedCall
from interpret.errors import CaptureError

Groups = tuple[tuple[int, ...], ...]

_seen: "WeakKeyDictionary[nn.Module, dict[tuple[str, ...], Groups | int]]" = WeakKeyDictionary()


def is_seen(model: nn.Module) -> bool:
    """Whether it is known already which calls of this model read which."""
    return model in _seen


def remember(model: nn.Module, names: Mapping[nn.Module, str], calls: Sequence[AttentionCall]) -> None:
    """Keeps what was seen of a pass of a model with modules of these names, if no code in it is a user's own."""
    readings = _readings(calls)
    if readings and not suspects(names):
        _seen.setdefault(model, {})[_names(calls)] = _groups(calls, readings)


def layers_of(model: nn.Module, calls: Sequence[AttentionCall]) -> list[AttentionCall]:
    """The calls of a pass as a chain of layers; heads of one layer that ran one after another are one call.

    Heads are joined where they project the same tensor, none reads another, and what they write is put side by side.

    Args:
        model: That made them.
        calls: All of the pass, in order.

    Raises:
        CaptureError: They are no chain: some call doesn't read, position by position, what the one before it wrote.
    """
    readings = _readings(calls)
    found = _groups(calls, readings) if readings else _seen.get(model, {}).get(_names(calls))
    if found is None:
        _seen.pop(model, None)  # so that the next pass is looked at
        raise CaptureError(
            "it isn't known which of these attention calls reads which, for no pass had the same ones when this "
            "recording began; record the pass again"
        )
    if isinstance(found, int):
        one, other = (f"{number} ({calls[number].name or 'the module itself'})" for number in (found, found - 1))
        raise CaptureError(
            f"these {len(calls)} attention calls are no chain of layers: call {one} doesn't read, position by "
            f"position, what call {other} wrote, as where several texts, encoders or branches are recorded together; "
            "record one of them alone, or take each call from record.calls"
        )
    return [
        calls[group[0]] if len(group) == 1 else JoinedHeads.of([calls[number] for number in group]) for group in found
    ]


def require_chain(model: nn.Module, calls: Sequence[AttentionCall]) -> None:
    """Refuses calls of which some isn't a layer of its own, in a chain with all others.

    Raises:
        CaptureError: They are no chain, or heads of one layer ran one after another, so that a call isn't a layer.
    """
    layers = layers_of(model, calls)
    if len(layers) < len(calls):
        raise CaptureError(
            f"heads of one layer run one after another ({len(calls)} attention calls in {len(layers)} layers), and "
            "edits need all of a layer's in one call; compute a layer's heads in one product, or read them with "
            "interpret.recording and attention_rollout, which take them together"
        )


def _names(calls: Sequence[AttentionCall]) -> tuple[str, ...]:
    return tuple(call.name for call in calls)


def _readings(calls: Sequence[AttentionCall]) -> list[Reading]:
    """What each call read; nothing where that wasn't followed through the whole pass."""
    readings = [call.reading for call in calls if call.reading is not None]
    return readings if len(readings) == len(calls) and len({id(each.streams) for each in readings}) == 1 else []


def _groups(calls: Sequence[AttentionCall], readings: Sequence[Reading]) -> Groups | int:
    """Numbers of the calls that are each layer's; where they are no chain, the number of the first that is in none."""
    groups: list[list[int]] = []
    below, now = 0, 0  # bits of the calls of the last layer but one, and of the last
    for number, reading in enumerate(readings):
        bit = 1 << reading.number
        if reading.aligned & now == now:
            groups.append([number])
            below, now = now, bit
        elif (
            not reading.calls & now
            and reading.aligned & below == below
            and _same_input(reading, readings[groups[-1][0]])
            and _same_shape(calls[number], calls[groups[-1][0]])
        ):
            groups[-1].append(number)
            now |= bit
        else:
            return number
    for group in groups:
        if len(group) > 1 and not _is_joined([readings[number] for number in group]):
            return group[1]
    return tuple(map(tuple, groups))


def _same_input(one: Reading, other: Reading) -> bool:
    return bool(one.origins) and one.origins == other.origins


def _same_shape(one: AttentionCall, other: AttentionCall) -> bool:
    return (one.shape[0], *one.shape[2:]) == (other.shape[0], *other.shape[2:])


def _is_joined(heads: Sequence[Reading]) -> bool:
    """Whether what these heads wrote was put side by side, each in a part of its own."""
    bits = [1 << head.number for head in heads]
    found = ([part & sum(bits) for part in parts] for parts in heads[0].streams.joined)
    return any(sorted(filter(None, parts)) == bits for parts in found)


@dataclass(eq=False, kw_only=True)
class JoinedHeads(PartedCall):
    """Heads of one layer that ran one after another, as one call."""

    way = "observed"

    @classmethod
    def of(cls, parts: Sequence[AttentionCall]) -> "JoinedHeads":
        """Joins calls over the same positions."""
        outputs = [part.output for part in parts if part.output is not None]
        return cls(
            module=parts[0].module, name=parts[0].name, parts=parts, output=torch.cat(outputs, dim=2),
            edited_output=any(part.edited_output for part in parts), differentiable=parts[0].differentiable,
        )  # fmt: skip

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """The weights of all parts, edits included."""
        return torch.cat([part.weights for part in self.parts], dim=1)

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors of all parts."""
        return torch.cat([part.values_per_head for part in self.parts], dim=1)

    @property
    def visible(self) -> Bool[Tensor, "batch head query key"]:
        """True where a query can see a key in each part."""
        return torch.cat([part.visible.expand(part.shape) for part in self.parts], dim=1)

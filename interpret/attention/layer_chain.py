"""Chains of layers: finds out if each attention call of a pass reads the output of the one before.

Rollout, relevance and "the last layer" need such a chain. The calls that each call reads are traced while the pass runs
(`interpret.attention.tracing.traces`). Models of known code are traced once, as all their passes are alike.
"""

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from torch import nn

from interpret.attention.call import AttentionCall
from interpret.attention.composite_calls import JoinedHeads
from interpret.attention.observed.custom_attention import modules_with_custom_attention
from interpret.attention.tracing.traces import Dependencies
from interpret.errors import CaptureError

Groups = tuple[tuple[int, ...], ...]

_traced_models: "WeakKeyDictionary[nn.Module, dict[tuple[str, ...], Groups | int]]" = WeakKeyDictionary()


def is_seen(model: nn.Module) -> bool:
    """Returns whether a pass of this model was traced already."""
    return model in _traced_models


def remember(model: nn.Module, names: Mapping[nn.Module, str], calls: Sequence[AttentionCall]) -> None:
    """Remembers the trace of a pass, unless a module of the model may compute attention by code of its own."""
    dependencies = _dependencies(calls)
    if dependencies and not modules_with_custom_attention(names):
        _traced_models.setdefault(model, {})[_names(calls)] = _groups(calls, dependencies)


def layers_of(model: nn.Module, calls: Sequence[AttentionCall]) -> list[AttentionCall]:
    """Returns the calls of a pass as a chain of layers; heads of one layer that ran one after another become one call.

    Heads are joined if they project the same tensor, none reads another, and their outputs are concatenated.

    Args:
        model: The model that made the calls.
        calls: All calls of the pass, in order.

    Raises:
        CaptureError: They aren't a chain: a call doesn't read the output of the one before it, position by position.
    """
    dependencies = _dependencies(calls)
    found = _groups(calls, dependencies) if dependencies else _traced_models.get(model, {}).get(_names(calls))
    if found is None:
        _traced_models.pop(model, None)  # so that the next pass is traced
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
    """Checks that the calls are a chain of layers, one call for each layer.

    Raises:
        CaptureError: They aren't a chain, or heads of one layer ran one after another, so that a call isn't a layer.
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


def _dependencies(calls: Sequence[AttentionCall]) -> list[Dependencies]:
    """Returns the dependencies of each call; an empty list if that wasn't traced through the whole pass."""
    found = [call.dependencies for call in calls if call.dependencies is not None]
    return found if len(found) == len(calls) and len({id(each.traces) for each in found}) == 1 else []


def _groups(calls: Sequence[AttentionCall], dependencies: Sequence[Dependencies]) -> Groups | int:
    """Groups call indices by layer; if the calls aren't a chain, returns the index of the first that fits no layer."""
    groups: list[list[int]] = []
    below, now = 0, 0  # bits of the calls of the layer before the latest, and of the latest
    for number, each in enumerate(dependencies):
        bit = 1 << each.number
        if each.aligned & now == now:
            groups.append([number])
            below, now = now, bit
        elif (
            not each.calls & now
            and each.aligned & below == below
            and _same_input(each, dependencies[groups[-1][0]])
            and _same_shape(calls[number], calls[groups[-1][0]])
        ):
            groups[-1].append(number)
            now |= bit
        else:
            return number
    for group in groups:
        if len(group) > 1 and not _is_joined([dependencies[number] for number in group]):
            return group[1]
    return tuple(map(tuple, groups))


def _same_input(one: Dependencies, other: Dependencies) -> bool:
    return bool(one.origins) and one.origins == other.origins


def _same_shape(one: AttentionCall, other: AttentionCall) -> bool:
    return (one.shape[0], *one.shape[2:]) == (other.shape[0], *other.shape[2:])


def _is_joined(heads: Sequence[Dependencies]) -> bool:
    """Returns whether the outputs of these heads were concatenated, each as a part of its own."""
    bits = [1 << head.number for head in heads]
    found = ([part & sum(bits) for part in parts] for parts in heads[0].traces.joined)
    return any(sorted(filter(None, parts)) == bits for parts in found)

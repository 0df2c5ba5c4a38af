"""Integrated gradients, against what one writes with captum, and inseq."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import classifier, language_model, shared_input
from ..lines import Line, compared, faster

TOKENS = 30
STEPS = 50
OURS = Side("integrated gradients", "ours.gradients:integrated")
CAPTUM = Side("captum", "peers.captum:integrated", "captum")
INSEQ = Side("inseq", "peers.inseq:integrated", "inseq")


def lines(bench: Bench) -> Iterator[Line]:
    work = f"integrated gradients, {TOKENS} tokens, {STEPS} steps"
    model = language_model(bench)
    settings = {"tokens": TOKENS, "steps": STEPS, "input": shared_input(bench, model, TOKENS)}
    ours, inseq = bench.compare(OURS, INSEQ, model=model, **settings)
    yield faster("ig", f"{work}, language model", ours, inseq, aim="")
    model = classifier(bench)
    settings["input"] = shared_input(bench, model, TOKENS)
    ours, captum = bench.compare(OURS, CAPTUM, model=model, **settings)
    same = compared(ours.answer, captum.answer, within=1e-3, dtype=bench.dtype)
    yield faster("ig", f"{work}, classifier", ours, captum, aim="", agreement=same)

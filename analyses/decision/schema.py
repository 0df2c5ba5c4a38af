"""JSON schema of an analysis, which `--json` writes and reports are made from.

`SCHEMA` names the version; a field is never renamed or given another meaning without a new one. L layers, H heads,
n tokens, u units (words), all lists counted from 0; a number that is undefined is null.

    schema            "interpret-attention/analysis/2"
    model             name, task, architecture, parameters, layers, layer_names [L], layer_kinds [L] ("layer", or
                      "encoder", "decoder" or "cross"), heads, sha256 of the weights, kernel, causal, sink_policy
                      ("drop" or "keep" a causal model's first word), units_policy ("word" or "token", as it was asked
                      for)
    run               command, seed, effort, adversary_steps (of the search in classic), device, dtype, seconds,
                      memory (the most that the process had held by the end, in bytes), versions; planned: passes,
                      seconds, memory, limit (bytes), as they were estimated before
    text, truncated   the text, and how many of its tokens were cut off
    tokens            [n] as shown; separators: positions of special tokens
    unit_kind         what units are: "word", "token" or "patch"
    units             [u] of text, tokens (positions), start, end (characters)
    image             null, or of an input that is one: rows, columns (of patches), height, width (pixels), media_type,
                      data (base64) of the picture as the model sees it; text is then its path, and units are its
                      patches, row by row, with start and end 0
    parts             of an input of several texts: name, start (character), columns (null, or of its units in a grid,
                      row by row); empty where there is one text
    decision          kind ("label" of the input, "label of a word", "span" of the text, "next token", or
                      "target token" of a translation), target, label, probability, margin (logits), predicted,
                      alternatives [[label, probability]], readout [n] (share of each position in what the decision is
                      read from), place (null, or [start, end] of a label that is a part of the text, in characters)
    attention         four things:
      weights         by encoding; kept says in words what was left out:
                      "deflate+base64": shape, levels, data; `analyses.export.encoding.unpack_weights` reads it;
                      "tiles", of a long text (more than 2^26 weights): shape [L, H, t, t], length (n), size (tokens on
                      a side of a tile), levels, share and largest, each of data (of each tile the mean over rows of
                      what they give to its keys, and the largest weight; read by
                      `analyses.attention.encoded_maps.unpack_tiles`), rows [L, t] (how many tokens of each stretch
                      have a row), strongest: positions and weights
                      [L, H, k] of the largest in the row that the decision is read from, and sums [L, H] of that row
      entropy         nats [L, H], share [L, H] of ln(visible keys); means over rows
      patterns        previous, next, first, separator [L, H]: mean share of attention
      sink_mass       share of all attention on the first position and separators
    maps              [m] of method, family, signed, scores [u], tokens [n], notes
    rollout           residual, layers [L, u]: share of the decision position that came from each unit
    heads             zero, mean, gradient [L, H]: fall of the margin without the head, in logits
    faithfulness      of every map and of random orders:
      eraser          "mask" or "delete", for images "mean", "blur" or "noisy linear"; budgets: how many units;
                      random_orders: how many
      random          comprehensiveness and sufficiency, each of margin and probability [orders];
                      curve: removed, low, middle, high (5, 50 and 95 % of margins)
      maps            of method; comprehensiveness and sufficiency, each of margin, probability, p_value;
                      above_chance (of comprehensiveness, in logits); curve: removed, margin, probability
    agreement         methods, tau [m, m] (Kendall's tau-b), ties [m] (share of tied pairs)
    classic           the published tests, none of which is in the verdict; as in `analyses.classic.battery`:
      eraser          as above; words, tokens: how many
      attention_gradient, attention_leave_one_out, gradient_leave_one_out: Kendall's tau-b over words
      permutation     median change of a label's probability; max_attention: largest share of a word, and conicity:
                      mean cosine of value vectors with their mean, by which to read it
      divergence      Jensen-Shannon, nats, of other attention that keeps the answer; feasible: how many searches kept
                      it, of how many restarts
      top_flips, other_flips: whether the choice changes without the largest weight, and without another; true, false
                      or null; divergence_difference (nats) and weight_difference between the two
      removed         by order, the share of weights zeroed when the choice first changes (null: never); random: the
                      same in each random order
      uniform_margin_change (logits), uniform_probability_change, uniform_flips: what equal weights do
      violated        by ranking, whether the word ranked first speaks against the decision
      identifiability [H] share of the squared weights that reaches what the head writes; is_identifiable [H]
    alignment         null, or of a translation with all words of its target: source, target [words]; layers (names of
                      cross-attention calls); weights [layers, target, source]: mean share of attention, at the position
                      that writes a word; gold: null, or sure and possible links [source word, target word];
                      error_rates: layer, by ("weights" or "norms"), aligned ("output" or "input"), error_rate
    verdict           answer, because [sentences], topics (what each is about: a component's name, "heads" that are
                      idle, or the "data"), object, claim, scope, limits, spread (logits), replacements; and
      components      name, value, p_value, side ("holds", "fails" or "open"), doubt, floor, bar, and reasons in
                      words: failure (of being below the floor), open (of being between)
      heads           idle (numbers of those that the decision ignores), share (of the displayed map)
      error_rate      null, or models, wrong, inconclusive, rate, low, high (95 %), examples (1), words [from, to]
      beside          numbers that describe and don't judge, as in `analyses.verdicts.measurement`: uniform, rank_tau,
                      input_tau, rank_shuffled, rank_of_values, opposed, sink, position_rank, rarity_rank, rounding,
                      rank_unfelt, input_unfelt
    checks            name, value (null where it is no number), tolerance, passed, detail
    caveats           sentences
"""

from dataclasses import asdict
from typing import Any

from analyses.decision.analyze import Analysis
from analyses.decision.caveats import caveats
from analyses.decision.provenance import model_to_dict, run_to_dict
from analyses.export.to_json import finite, plain
from analyses.planning.effort import EFFORTS
from analyses.verdicts.claim import CLAIM, LIMITS_OF_A_TEXT, OBJECT
from analyses.verdicts.one_text import TextComponent
from analyses.verdicts.thresholds import BARS
from interpret.subjects.nouns import Nouns

SCHEMA = "interpret-attention/analysis/2"
BESIDE = (
    "uniform", "rank_tau", "input_tau", "rank_shuffled", "rank_of_values", "opposed", "sink", "position_rank",
    "rarity_rank", "rounding", "rank_unfelt", "input_unfelt",
)  # fmt: skip


def analysis_to_dict(analysis: Analysis, command: str) -> dict[str, Any]:
    """Returns the analysis in the documented schema; undefined numbers are `None`."""
    example, kept = analysis.example, analysis.attention
    return {
        "schema": SCHEMA,
        "model": model_to_dict(analysis.subject, layers=kept.layers, heads=kept.heads),
        "run": _run(analysis, command),
        "text": example.text,
        "truncated": example.truncated,
        "tokens": list(example.tokens),
        "separators": list(example.separators),
        "unit_kind": example.unit_kind,
        "units": [
            {"text": unit.text, "tokens": list(unit.tokens), "start": unit.start, "end": unit.end}
            for unit in example.units
        ],
        "image": None if example.picture is None else example.picture.to_dict(),
        "parts": [
            {"name": part.name, "start": example.spans[part.start][0], "columns": part.columns}
            for part in example.parts
        ],
        "decision": _decision(analysis),
        "attention": _attention(analysis),
        "maps": [attribution.to_dict() for attribution in analysis.maps],
        "rollout": _rollout(analysis),
        "heads": {
            "zero": plain(analysis.zeroed.drop),
            "mean": plain(analysis.averaged.drop),
            "gradient": plain(analysis.gradients.drop),
        },
        "faithfulness": analysis.faithfulness.to_dict(),
        "agreement": analysis.agreement.to_dict(),
        "classic": analysis.classic.to_dict(),
        "verdict": _verdict(analysis),
        "alignment": None if analysis.alignment is None else analysis.alignment.to_dict(),
        "checks": [check.to_dict() for check in analysis.checks],
        "caveats": caveats(analysis),
    }


def _run(analysis: Analysis, command: str) -> dict[str, Any]:
    return {
        **run_to_dict(analysis.subject, command, seed=analysis.seed, cost=analysis.cost),
        "effort": analysis.effort,
        "adversary_steps": EFFORTS[analysis.effort].adversary_steps,
    }


def _decision(analysis: Analysis) -> dict[str, Any]:
    decision = analysis.decision
    return {
        "kind": analysis.subject.decides,
        "target": decision.target,
        "label": decision.label,
        "probability": decision.probability,
        "margin": decision.margin,
        "predicted": decision.predicted,
        "alternatives": [list(pair) for pair in decision.alternatives],
        "readout": plain(decision.readout),
        "place": None if decision.place is None else list(decision.place),
    }


def _attention(analysis: Analysis) -> dict[str, Any]:
    entropy, patterns = analysis.entropy.mean(), analysis.patterns
    return {
        "weights": analysis.attention.to_dict(),
        "entropy": {"nats": plain(entropy.nats), "share": plain(entropy.share)},
        "patterns": {name: plain(getattr(patterns, name)) for name in ("previous", "next", "first", "separator")},
        "sink_mass": float(patterns.sink_mass),
    }


def _rollout(analysis: Analysis) -> dict[str, Any]:
    shares = analysis.rollout.from_position(analysis.decision.readout)
    return {"residual": analysis.rollout.residual, "layers": plain(analysis.example.pool(shares))}


def _verdict(analysis: Analysis) -> dict[str, Any]:
    found, rate, nouns = analysis.verdict, analysis.error_rate, analysis.example.nouns
    return {
        "answer": found.answer,
        "because": list(found.because),
        "topics": list(found.topics),
        "object": OBJECT,
        "claim": nouns.say(CLAIM),
        "scope": _scope(analysis),
        "limits": [nouns.say(line) for line in LIMITS_OF_A_TEXT],
        "spread": found.spread,
        "replacements": analysis.replacements,
        "components": [component(each, nouns) for each in found.findings],
        "heads": {"idle": list(found.idle_heads), "share": found.idle_share},
        "error_rate": None if rate is None else {**asdict(rate), "words": list(rate.words)},
        "beside": {name: finite(getattr(analysis.measurement, name)) for name in BESIDE},
    }


def component(finding: TextComponent, nouns: Nouns) -> dict[str, Any]:
    """Returns one component of the verdict, with its thresholds.

    Args:
        finding: The component.
        nouns: Nouns for what is ranked.
    """
    bars = BARS[finding.name]
    numbers = {"value": finite(finding.value), "p_value": finite(finding.p_value)}
    said = {"failure": nouns.say(bars.failure), "open": finding.open_reason}
    return {**asdict(finding), **numbers, **asdict(bars), **said}


def _scope(analysis: Analysis) -> str:
    nouns = analysis.example.nouns
    return (
        f"This {nouns.whole}, this model and the decision “{analysis.decision.label.strip()}” only. "
        f"{nouns.say('{Many}')} are replaced by others drawn from {analysis.replacements}, and effects are read off "
        "the logit margin."
    )

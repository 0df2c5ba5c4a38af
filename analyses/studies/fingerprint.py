"""What the records of a study depend on, by which a folder knows its study."""

from importlib.metadata import version

from analyses.ranking.measures_of_study import USUAL
from analyses.ranking.one_text import eraser_of_rankings
from analyses.ranking.own_methods import digests
from analyses.sanity.checked_text import FEW_DRAWS, FEW_NOISES
from analyses.studies.fingerprint_schema import SCHEMA, StudyFingerprint, StudyOptionsDict
from analyses.studies.look_back.columns import DRAWS, TOLERANCE
from analyses.studies.prepared import CHUNK_ROWS, Prepared
from analyses.studies.records import CLASSIC_ERASER


def fingerprint_of(prepared: Prepared) -> StudyFingerprint:
    """Returns everything the records depend on."""
    draws, steps = prepared.draws, prepared.adversary_steps
    options: StudyOptionsDict = {
        "permutations": draws.permutations,
        "replacements": draws.replacements,
        "orders": draws.orders,
        "chunk_rows": CHUNK_ROWS,
        "resampler": prepared.resampler.name,
        "object": prepared.object.key,
    }
    if steps is not None:  # without them, older studies keep their fingerprint
        options |= {"classic_eraser": CLASSIC_ERASER, "classic_adversary_steps": steps}
    if prepared.evidence is not None:
        options["evidence_methods"] = [method.name for method in prepared.evidence.methods]
    if prepared.methods:
        options |= {"methods": [each.name for each in prepared.methods], "own_methods": digests(prepared.methods)}
        options |= {"ranking_eraser": eraser_of_rankings(prepared.subject)}
    if prepared.methods and prepared.measures != USUAL:
        options["measures"] = [each.name for each in prepared.measures]
    if prepared.checked:
        options |= {"sanity_texts": len(prepared.checked), "sanity_draws": FEW_DRAWS, "sanity_noises": FEW_NOISES}
    if prepared.look_back:
        options |= {"look_back_tolerance": TOLERANCE, "look_back_draws": DRAWS}
    return {
        "schema": SCHEMA,
        "model": {
            "name": prepared.subject.name,
            "sha256": prepared.subject.facts.sha256,
            "layers": len(prepared.heads),
            "heads": prepared.heads[0] if len(set(prepared.heads)) == 1 else None,
            "sink": prepared.subject.sink,
            "units": prepared.subject.units,
        },
        "data": {"rows": len(prepared.rows.texts), "sha256": prepared.rows.sha256()},
        "options": options,
        "seed": prepared.seed,
        "versions": {name: version(name) for name in ("interpret-attention", "torch", "transformers", "pyarrow")},
    }

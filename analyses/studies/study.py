"""Study of a model on a data set: measurements of every text, then one verdict."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from analyses.costs.costs_result import MethodCosts
from analyses.costs.method_costs import RUNS_OF_STUDY, costs_of, median_text
from analyses.planning.plan import Plan
from analyses.resumable.chunks import partition
from analyses.resumable.folder import StudyFolder
from analyses.resumable.running import run_chunks
from analyses.studies.accuracy import doubts_about_accuracy
from analyses.studies.choices import notes_on_choices
from analyses.studies.evidence.summary import evidence_of_study
from analyses.studies.fingerprint import fingerprint_of
from analyses.studies.look_back.columns import look_back_of_study
from analyses.studies.measured_columns import measurement_of
from analyses.studies.plain_calls import plain_call_check, plain_call_notes
from analyses.studies.prepared import CHUNK_ROWS, Prepared
from analyses.studies.ranking.summary import ranking_of_study
from analyses.studies.records import records_of
from analyses.studies.schema import StudyDict
from analyses.studies.summary import summarise
from analyses.verdicts.error_rates import ErrorRate, error_rate_of_study
from analyses.verdicts.measurement import USUAL, Measurement
from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.verdict import verdict
from interpret.errors import CaptureError
from interpret.modes.gradients_on import gradients_on

SCALES = (0.5, 0.75, 1.0, 1.25, 1.5)  # factors of every bar and floor


@gradients_on()
def study(
    prepared: Prepared,
    folder: str | Path,
    *,
    max_memory: int | None = None,
    planned: Callable[[Plan], None] = lambda plan: None,
    costed: Callable[[MethodCosts], None] = lambda costs: None,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> StudyDict:
    """Measures the chunks that aren't stored yet, and returns the summary with the verdict.

    Args:
        prepared: Study from `prepare`.
        folder: Folder of the results. The same study in the same folder continues where it stopped.
        max_memory: Most bytes that the process may hold on the model's device; by default what it holds now and nine
            tenths of what is free. With little memory batches are smaller, which changes numbers by rounding.
        planned: Called with the plan for the remaining texts, before they are measured, if there are any.
        costed: Called with the costs of the ranked explanations on the text of median length, once all texts are
            measured: with seconds, which the summary leaves out because they differ from run to run.
        progress: Called with the numbers of finished and of all chunks.

    Returns:
        The summary, as summary.json has it.

    Raises:
        InputError: The folder has another study, or can't be written, or the memory doesn't suffice.

    Example:
        >>> with open("films.csv", "w") as file:
        ...     for row in ("text,label", "A gripping film.,positive", "A boring film.,negative"):
        ...         print(row, file=file)
        >>> summary = study(prepare(interpret.load(), read_rows("films.csv")), "films")
        >>> summary["verdict"]["answer"]  # of two texts nothing can be said
        'inconclusive'
    """
    chunks = partition(len(prepared.examples), CHUNK_ROWS)
    fingerprint = fingerprint_of(prepared)
    with StudyFolder(Path(folder), fingerprint).open() as opened:
        if (finished := opened.summary()) is not None:
            return cast(StudyDict, finished)
        stored, at_once = opened.stored(), prepared.subject.tokens_at_once
        missing = [chunk for chunk in chunks if chunk.index not in stored]
        if missing or prepared.methods:
            plan = prepared.plan(missing or chunks, max_memory=max_memory)
            at_once = plan.tokens_at_once
        if missing:
            planned(plan)
        with prepared.subject.at_most_tokens(at_once):
            run_chunks(opened, chunks, partial(records_of, prepared), progress=progress)
            costs = _costs(prepared)
        if costs is not None:
            costed(costs)
        records = opened.records().to_pylist()
        measurements = [measurement_of(record) for record in records]
        found = {
            scale: verdict(
                measurements,
                parts=prepared.object.parts,
                failures=prepared.object.failures,
                scale=scale,
                seed=prepared.seed,
                doubts=doubts_about_accuracy(records),
            )
            for scale in SCALES
        }
        sensitivity = [(scale, each.answer) for scale, each in found.items()]
        summary = summarise(
            fingerprint,
            (*prepared.notes, *plain_call_notes(records), *notes_on_choices(records)),
            records,
            found[1.0],
            sensitivity,
            tested=prepared.object,
            error_rate=_error_rate(prepared, measurements),
            checks=plain_call_check(records),
            evidence=None
            if prepared.evidence is None
            else evidence_of_study(records, marked=prepared.evidence.share, seed=prepared.seed),
            ranking=ranking_of_study(records, costs, seed=prepared.seed),
            look_back=look_back_of_study(records, seed=prepared.seed),
        )
        return cast(StudyDict, opened.finish(summary))


def _costs(prepared: Prepared) -> MethodCosts | None:
    """Measures the ranked explanations on the text of median length; `None` where work can't be counted."""
    if not prepared.methods:
        return None
    row = median_text(len(prepared.examples))
    try:
        return costs_of(prepared.subject_of(row), prepared.examples[row], prepared.methods, runs=RUNS_OF_STUDY)
    except CaptureError:
        return None


def _error_rate(prepared: Prepared, measurements: list[Measurement]) -> ErrorRate | None:
    """Error rate of the study's verdict; `None` for kinds of studies that weren't calibrated."""
    is_calibrated = (
        prepared.object.key == "row" and isinstance(prepared.resampler, CorpusUnigram) and prepared.draws == USUAL
    )
    words = sum(each.words for each in measurements) / len(measurements)
    return error_rate_of_study(len(measurements), words) if is_calibrated else None

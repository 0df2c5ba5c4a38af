"""Study of a data set before it runs: its texts as the model reads them, and how each is measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from itertools import groupby
from typing import Any

from jaxtyping import Float
from torch import Tensor

from analyses.classic.battery import classic_tests
from analyses.data_sets.matching import encoded, match_labels
from analyses.data_sets.notes import Note
from analyses.data_sets.rows import Rows, read_rows
from analyses.explanations.method import Method
from analyses.explanations.methods import chosen_methods
from analyses.planning.plan import Plan, plan_study
from analyses.ranking.one_text import eraser_of_rankings
from analyses.ranking.own_methods import digests
from analyses.resumable.chunks import Chunk, partition
from analyses.sanity.checked_text import FEW_DRAWS, FEW_NOISES
from analyses.studies.choices import Choices
from analyses.studies.classic_columns import classic_columns
from analyses.studies.evidence_columns import Evidence, evidence_in
from analyses.studies.explanation_columns import explanation_columns
from analyses.studies.look_back_columns import DRAWS, TOLERANCE, look_back_columns, look_back_passes
from analyses.studies.measured_columns import columns_of
from analyses.studies.plain_calls import plain_call_columns
from analyses.studies.sanity_columns import checked_rows, sanity_columns
from analyses.studies.schema import SCHEMA, StudyFingerprint, StudyOptionsDict
from analyses.verdicts.measurement import USUAL, Draws, Measurement
from analyses.verdicts.objects_of_study import ObjectOfStudy, object_of_study, require_head
from analyses.verdicts.resampling import CorpusUnigram, Resampler
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

CHUNK_ROWS = 8
CLASSIC_ERASER = "delete"  # as in the papers, and the only eraser that every model allows
ADVERSARY_STEPS = 50


@dataclass(frozen=True, eq=False)
class Prepared:
    """Study before any measurement, its texts sorted by length so that chunks hold texts of similar length.

    Attributes:
        subject: The model.
        examples: The texts as it reads them.
        rows: Their rows in the source.
        notes: Notes on rows that were left out.
        resampler: Source of replacement words; by default all texts of the study.
        object: The weights that are tested.
        draws: Numbers of random draws for each text.
        seed: Seed of everything random.
        classic: Whether the published tests are run as well.
        evidence: Marked words of the texts, with which explanations are compared; `None` without any.
        choosers: Of each text the subject that chooses between its two labels; empty where all labels are scored.
        methods: Explanations that are ranked; none by default.
        checked: Indices of the texts on which these go through sanity checks.
        look_back: Whether it is measured how far back decisions look.
    """

    subject: Subject
    examples: tuple[Example, ...]
    rows: Rows
    notes: tuple[Note, ...]
    resampler: Resampler
    object: ObjectOfStudy
    draws: Draws
    seed: int
    classic: bool = False
    evidence: Evidence | None = None
    choosers: tuple[Subject, ...] = ()
    methods: tuple[Method, ...] = ()
    checked: tuple[int, ...] = ()
    look_back: bool = False

    def subject_of(self, row: int) -> Subject:
        """Returns the subject whose decision on a text is studied."""
        return self.choosers[row] if self.choosers else self.subject

    @cached_property
    def heads(self) -> tuple[int, ...]:
        """Number of heads of each layer, from a recording of one text."""
        record, _ = self.subject.record(self.examples[0])
        return tuple(record.output(layer).shape[2] for layer in range(len(record)))

    def fingerprint(self) -> StudyFingerprint:
        """Returns everything the records depend on."""
        draws, classic = self.draws, self.classic
        options: StudyOptionsDict = {
            "permutations": draws.permutations,
            "replacements": draws.replacements,
            "orders": draws.orders,
            "null_orders": draws.null_orders,
            "chunk_rows": CHUNK_ROWS,
            "resampler": self.resampler.name,
            "object": self.object.key,
        }
        if classic:  # without them, older studies keep their fingerprint
            options |= {"classic_eraser": CLASSIC_ERASER, "classic_adversary_steps": ADVERSARY_STEPS}
        if self.evidence is not None:
            options["evidence_methods"] = [method.name for method in self.evidence.methods]
        if self.methods:
            options |= {"methods": [each.name for each in self.methods], "own_methods": digests(self.methods)}
            options |= {"ranking_eraser": eraser_of_rankings(self.subject)}
        if self.checked:
            options |= {"sanity_texts": len(self.checked), "sanity_draws": FEW_DRAWS, "sanity_noises": FEW_NOISES}
        if self.look_back:
            options |= {"look_back_tolerance": TOLERANCE, "look_back_draws": DRAWS}
        return {
            "schema": SCHEMA,
            "model": {
                "name": self.subject.name,
                "sha256": self.subject.facts.sha256,
                "layers": len(self.heads),
                "heads": self.heads[0] if len(set(self.heads)) == 1 else None,
                "sink": self.subject.sink,
                "units": self.subject.units,
            },
            "data": {"rows": len(self.rows.texts), "sha256": self.rows.sha256()},
            "options": options,
            "seed": self.seed,
            "versions": {name: version(name) for name in ("interpret-attention", "torch", "transformers", "pyarrow")},
        }

    def measured(self, chunk: Chunk) -> list[dict[str, Any]]:
        """Measures the records of one chunk, which depend only on model, rows and seed."""
        decisions = [self.subject_of(row).decide(self.examples[row]) for row in chunk.rows]
        records = []
        for rows in self._together(chunk):
            chosen = [decisions[chunk.rows.index(row)] for row in rows]
            told: list[Float[Tensor, "example unit"]] = []
            found = self.object.measure(
                self.subject_of(rows[0]),
                [self.examples[row] for row in rows],
                chosen,
                self.resampler,
                draws=self.draws,
                seed=self._seed(rows[0]),
                told=told.append,
            )
            (effects,) = told
            records += [self._record(*each) for each in zip(rows, chosen, found, effects, strict=True)]
        return records

    def plan(self, chunks: Sequence[Chunk] | None = None, *, max_memory: int | None = None) -> Plan:
        """Estimates the cost of measuring these texts.

        Args:
            chunks: The chunks to measure; by default all.
            max_memory: Most bytes that the process may hold on the model's device; by default what it holds now and
                nine tenths of what is free.

        Raises:
            InputError: A single text exceeds the memory.
        """
        chunks = partition(len(self.examples), CHUNK_ROWS) if chunks is None else chunks
        groups = [[self.examples[row] for row in rows] for chunk in chunks for rows in self._together(chunk)]
        checked = [self.examples[row] for chunk in chunks for row in chunk.rows if row in self.checked]
        steps = ADVERSARY_STEPS if self.classic else None
        more = look_back_passes if self.look_back else None
        return plan_study(
            self.subject,
            groups,
            self.draws,
            self.methods,
            checked=checked,
            adversary_steps=steps,
            more=more,
            max_memory=max_memory,
        )

    def _together(self, chunk: Chunk) -> list[list[int]]:
        """Groups a chunk's rows by text length and by what is decided, to measure them together."""

        def alike(row: int) -> tuple[int, int]:
            return len(self.examples[row].ids), id(self.subject_of(row))

        return [list(group) for _, group in groupby(chunk.rows, key=alike)]

    def _record(
        self, row: int, decision: Decision, found: Measurement, effects: Float[Tensor, " unit"]
    ) -> dict[str, Any]:
        subject, example = self.subject_of(row), self.examples[row]
        return {
            "row": self.rows.numbers[row],
            "text": self.rows.texts[row],
            "label": self.rows.labels[row],
            "predicted": decision.predicted,
            **({} if decision.against is None else {"target": decision.label, "against": decision.against}),
            "probability": decision.probability,
            **plain_call_columns(subject, example, decision),
            **columns_of(found),
            **self._classic(row, decision),
            **(look_back_columns(subject, example, decision, seed=self._seed(row)) if self.look_back else {}),
            **explanation_columns(
                subject,
                example,
                decision,
                ranked=self.methods,
                evidence=self.evidence,
                row=row,
                effects=effects[: len(example.units)],
                seed=self._seed(row),
            ),
            **self._sanity(row, decision),
        }

    def _sanity(self, row: int, decision: Decision) -> dict[str, Any]:
        if not self.checked:
            return {}
        subject, example, names = self.subject_of(row), self.examples[row], [each.name for each in self.methods]
        is_checked = row in self.checked
        return sanity_columns(subject, example, decision, names, is_checked=is_checked, seed=self._seed(row))

    def _classic(self, row: int, decision: Decision) -> dict[str, Any]:
        if not self.classic:
            return {}
        found = classic_tests(
            self.subject_of(row),
            self.examples[row],
            decision,
            seed=self._seed(row),
            eraser=CLASSIC_ERASER,
            adversary_steps=ADVERSARY_STEPS,
        )
        return classic_columns(found)

    def _seed(self, row: int) -> int:
        return self.seed * 1_000_003 + row


@gradients_on()
def prepare(
    subject: Subject,
    rows: Rows,
    *,
    object_key: str = "row",
    resampler: Resampler | None = None,
    draws: Draws = USUAL,
    seed: int = 0,
    classic: bool = False,
    methods: Sequence[str] = (),
    sanity: int | None = None,
    look_back: bool = False,
) -> Prepared:
    """Encodes the texts and matches their labels, before anything is measured.

    Args:
        subject: The model.
        rows: Rows from `read_rows`.
        object_key: Key of the weights to test, as in `object_of_study`; by default the last layer's row.
        resampler: Source of replacement words; by default the texts themselves.
        draws: Numbers of random draws for each text.
        seed: Seed of everything random.
        classic: Whether to run the published tests as well, which takes longer than the rest.
        methods: Explanations to rank, by how well each finds the words that the model decides by: names, or sets of
            them, "all" or "fast". Last-layer attention is always among them. By default none are. Where rows mark
            words, these are compared with the marked words, too, or else the usual ones.
        sanity: Number of texts, spread over lengths, on which these go through sanity checks (`sanity_checks`); by
            default 3, or 0 of fewer than 50 texts, from which no explanation is named.
        look_back: Whether to measure how far back each decision looks, as `analyses.look_back` does.

    Raises:
        InputError: Fewer than two texts can be used, no label is the model's, the model has no such head, there is no
            such method, or sanity checks are asked of more texts than there are, or of no methods.

    Example:
        >>> with open("films.csv", "w") as file:
        ...     for row in ("text,label", "A gripping film.,positive", "A boring film.,negative"):
        ...         print(row, file=file)
        >>> prepared = prepare(interpret.load(), read_rows("films.csv"))
        >>> [example.text for example in prepared.examples]
        ['A gripping film.', 'A boring film.']
    """
    chosen = object_of_study(object_key)
    rows, label_notes = match_labels(rows, subject)
    choices = Choices(subject, rows) if rows.choices else None
    examples, rows, length_notes = encoded(rows, subject, encode=None if choices is None else choices.example)
    choosers: tuple[Subject, ...] = ()
    if choices is not None:
        choices = Choices(subject, rows)  # of the rows that are left
        choosers, rows = choices.subjects(), replace(rows, labels=choices.labels())
    order = sorted(range(len(examples)), key=lambda row: (len(examples[row].ids), row))
    sorted_examples = tuple(examples[row] for row in order)
    rows = rows.chosen(order)
    ranked = chosen_methods(methods) if methods else ()
    evidence = evidence_in(sorted_examples, rows, ranked or chosen_methods())
    notes = (*rows.notes, *label_notes, *length_notes, *(() if evidence is None else evidence.notes))
    prepared = Prepared(
        subject=subject,
        examples=sorted_examples,
        rows=rows,
        notes=notes,
        resampler=CorpusUnigram(sorted_examples) if resampler is None else resampler,
        object=chosen,
        draws=draws,
        seed=seed,
        classic=classic,
        evidence=evidence,
        choosers=tuple(choosers[row] for row in order) if choosers else (),
        methods=ranked,
        checked=checked_rows(sanity, len(sorted_examples), is_ranked=bool(ranked)),
        look_back=look_back,
    )
    require_head(chosen, prepared.heads)
    return prepared


def words_of(source: str, subject: Subject) -> CorpusUnigram:
    """Makes a source of replacement words from a data file or a data set of the Hub.

    Args:
        source: As for `read_rows`.
        subject: The model that reads them.

    Raises:
        InputError: It can't be read, or has fewer than two texts that the model can read.
    """
    examples, *_ = encoded(read_rows(source), subject)
    return CorpusUnigram(examples)

"""Study of a data set before it runs: its texts as the model reads them, and what is to be measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from analyses.data_sets.matching import encoded, match_labels
from analyses.data_sets.notes import Note
from analyses.data_sets.rows import Rows, read_rows
from analyses.explanations.method import Method
from analyses.explanations.methods import chosen_methods
from analyses.planning.measuring import further_measuring_passes
from analyses.planning.plan import Plan, plan_study
from analyses.ranking.measures import RankingMeasure
from analyses.ranking.measures_of_study import USUAL as USUAL_MEASURES
from analyses.ranking.measures_of_study import chosen_measures
from analyses.resumable.chunks import Chunk, partition
from analyses.studies.choices import Choices
from analyses.studies.evidence.columns import Evidence, evidence_in
from analyses.studies.first_words import ranking_first_words
from analyses.studies.look_back.columns import look_back_passes
from analyses.studies.sanity.columns import checked_rows
from analyses.verdicts.measurement import USUAL, Draws
from analyses.verdicts.objects_of_study import ObjectOfStudy, object_of_study, require_head
from analyses.verdicts.resampling import CorpusUnigram, Resampler
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

CHUNK_ROWS = 8
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
        measures: Measures by which they are judged, the one that ranks first.
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
    measures: tuple[RankingMeasure, ...] = USUAL_MEASURES
    checked: tuple[int, ...] = ()
    look_back: bool = False

    @property
    def adversary_steps(self) -> int | None:
        """Steps of each text's search for adversarial attention; `None` without the published tests."""
        return ADVERSARY_STEPS if self.classic else None

    def subject_of(self, row: int) -> Subject:
        """Returns the subject whose decision on a text is studied."""
        return self.choosers[row] if self.choosers else self.subject

    @cached_property
    def heads(self) -> tuple[int, ...]:
        """Number of heads of each layer, from a recording of one text."""
        record, _ = self.subject.record(self.examples[0])
        return tuple(record.output(layer).shape[2] for layer in range(len(record)))

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
        groups = [[self.examples[row] for row in rows] for chunk in chunks for rows in self.together(chunk)]
        checked = [self.examples[row] for chunk in chunks for row in chunk.rows if row in self.checked]
        compared = () if self.evidence is None else self.evidence.methods
        return plan_study(
            self.subject,
            groups,
            self.draws,
            self.methods,
            compared=[method for method in compared if method not in self.methods],
            checked=checked,
            adversary_steps=self.adversary_steps,
            more=self._further_passes,
            max_memory=max_memory,
        )

    def _further_passes(self, example: Example) -> float:
        """Passes of one text for how far back its decision looks, and for measures with passes of their own."""
        looking = look_back_passes(example) if self.look_back else 0
        return looking + further_measuring_passes(example, self.methods, self.measures)

    def together(self, chunk: Chunk) -> list[list[int]]:
        """Groups a chunk's rows by text length and by what is decided, to measure them together."""

        def alike(row: int) -> tuple[int, int]:
            return len(self.examples[row].ids), id(self.subject_of(row))

        return [list(group) for _, group in groupby(chunk.rows, key=alike)]


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
    measures: Sequence[str] = ("usual",),
    sanity: int | None = None,
    look_back: bool = False,
    sink: str | None = None,
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
            words, these are compared with the marked words, too, or else the usual ones, and always the orders that
            know nothing of the model.
        measures: Measures by which these are judged, in the study's table: names, or sets of them, "usual" or "all".
            All but the usual ones take passes of their own. The one that ranks is always among them.
        sanity: Number of texts, spread over lengths, on which these go through sanity checks (`sanity_checks`); by
            default 3, or 0 of fewer than 50 texts, from which no explanation is named.
        look_back: Whether to measure how far back each decision looks, as `analyses.look_back` does.
        sink: "keep" ranks the first words of a causal model's texts, "drop" leaves them out. By default it is done as
            `interpret.load` was told, but first words are ranked where the rows mark one of them.

    Raises:
        InputError: Fewer than two texts can be used, no label is the model's, the model has no such head, there is no
            such method or measure, sanity checks are asked of more texts than there are, or of no methods, or `sink` is
            neither "keep" nor "drop".

    Example:
        >>> with open("films.csv", "w") as file:
        ...     for row in ("text,label", "A gripping film.,positive", "A boring film.,negative"):
        ...         print(row, file=file)
        >>> prepared = prepare(interpret.load(), read_rows("films.csv"))
        >>> [example.text for example in prepared.examples]
        ['A gripping film.', 'A boring film.']
    """
    chosen, judged_by = object_of_study(object_key), chosen_measures(measures)
    subject, first_notes = ranking_first_words(subject, rows, sink)
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
    notes = (*rows.notes, *first_notes, *label_notes, *length_notes, *(() if evidence is None else evidence.notes))
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
        measures=judged_by,
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

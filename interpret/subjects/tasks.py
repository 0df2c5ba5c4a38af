"""Registry of tasks, with a subject class for each. To add one, write its file and list its class here."""

from interpret.subjects.answering import QuestionAnswering
from interpret.subjects.classification import TextClassification
from interpret.subjects.language_model import NextToken
from interpret.subjects.seq2seq import Translation
from interpret.subjects.tagging import TokenClassification
from interpret.subjects.text import TextSubject
from interpret.subjects.vision import ImageClassification

_SUBJECTS: tuple[type[TextSubject] | type[ImageClassification], ...] = (
    TextClassification,
    NextToken,
    QuestionAnswering,
    Translation,
    TokenClassification,
    ImageClassification,
)
TASKS = {subject.task: subject for subject in _SUBJECTS}

"""What sets the models of each task apart, by name."""

import pytest

from interpret.errors import InputError
from interpret.subjects.task_facts import TaskFacts
from interpret.subjects.tasks import TASKS

FACTS = {  # decides, option of what is read after the text, reads images, answers messages, translates, shares prefixes
    "text-classification": ("label", "pair", False, False, False, False),
    "text-generation": ("next token", "continuation", False, True, False, True),
    "question-answering": ("span", "context", False, False, False, False),
    "translation": ("target token", "target-text", False, False, True, False),
    "token-classification": ("label of a word", None, False, False, False, False),
    "image-classification": ("label", None, True, False, False, False),
}


@pytest.mark.parametrize("task", TASKS)
def test_facts_of_every_task(task):
    kind = TASKS[task]
    asked = kind.__new__(kind)  # no fact depends on the model
    found = asked.decides, asked.option_of_second, asked.reads_images, asked.answers_messages
    assert (*found, asked.translates, asked.shares_prefixes) == FACTS[task]
    assert (asked.longest, asked.chat) == (None, None)


def test_only_writers_write():
    writers = set()
    for task, kind in TASKS.items():
        asked = kind.__new__(kind)
        asked.name = "mine"
        try:
            assert asked.writer is asked
            writers.add(task)
        except InputError as refusal:
            assert str(refusal) == (
                f"mine is for {task}, which writes no tokens; give a language model or a translator"
            )
    assert writers == {"text-generation", "translation"}


def test_calls_of_one_stack_are_layers():
    assert TaskFacts().layer_kind(3) == "layer"

"""Whether a model is right more often than chance: counts, and the doubt that forbids "supported"."""

from typing import Any

from scipy.stats import beta

from analyses.studies.accuracy import accuracy, doubts_about_accuracy


def records(right: int, wrong: int, label: str | None = "a") -> list[dict[str, Any]]:
    """Decisions on texts of two labels, half and half."""
    labels = ["a" if index % 2 else "b" for index in range(right + wrong)]
    said = [each if index < right else "c" for index, each in enumerate(labels)]
    return [{"label": each if label else None, "predicted": other} for each, other in zip(labels, said, strict=True)]


def test_counts_come_with_their_exact_interval() -> None:
    found = accuracy(records(45, 15))
    assert found is not None and (found["count"], found["correct"]) == (60, 45)
    assert abs(found["low"] - beta.ppf(0.025, 45, 16)) < 1e-9 and abs(found["high"] - beta.ppf(0.975, 46, 15)) < 1e-9
    assert accuracy(records(3, 1, label=None)) is None


def test_only_a_model_that_is_clearly_right_more_often_than_the_most_frequent_label_is_beyond_doubt() -> None:
    assert doubts_about_accuracy(records(45, 15)) == []
    (doubt,) = doubts_about_accuracy(records(33, 27))  # 55 % of 60, where the commonest label is half of the texts
    assert doubt.startswith("the model is right on 33 of 60 texts (95 % interval 42% to 68%), which isn't clearly more")
    assert doubts_about_accuracy(records(3, 1, label=None)) == []

"""ferret: comprehensiveness and sufficiency of explanations that it is given."""

from collections.abc import Callable
from typing import Any

import numpy as np
from ferret.evaluators.faithfulness_measures import AOPC_Comprehensiveness_Evaluation, AOPC_Sufficiency_Evaluation
from ferret.explainers.explanation import Explanation
from transformers import AutoTokenizer

from benchmarks.peers.shared import classifier, given


def judged(settings: dict[str, Any]) -> Callable[[], list[list[list[float]]]]:
    """Both for each map of each text, as `Benchmark.evaluate_explanations` calls them.

    Asked for the same budgets, and for words masked and not deleted. Scores are moved above zero, since it ranks no
    others (and its option to rank them fails with numpy 1.25 and later).
    """
    model, tokenizer = classifier(settings), AutoTokenizer.from_pretrained(settings["model"])
    evaluators = [AOPC_Comprehensiveness_Evaluation(model, tokenizer), AOPC_Sufficiency_Evaluation(model, tokenizer)]
    tasks = []
    for task in given(settings):
        tokens = tokenizer.convert_ids_to_tokens(tokenizer(task["text"])["input_ids"])
        scores = [np.array(row) - min(row) + 1 for row in task["scores"]]
        maps = [Explanation(task["text"], tokens, row, "given", task["target"]) for row in scores]
        removal = {"based_on": "k", "thresholds": task["budgets"], "remove_tokens": False}
        tasks.append((maps, task["target"], removal))

    def work() -> list[list[list[float]]]:
        return [
            [
                [float(evaluator.compute_evaluation(each, target, removal_args=removal).score) for each in maps]
                for evaluator in evaluators
            ]
            for maps, target, removal in tasks
        ]

    return work

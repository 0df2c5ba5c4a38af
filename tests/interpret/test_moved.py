"""Former paths of modules still lead to what they had."""

import importlib
import subprocess
import sys
import warnings

import pytest

from interpret.moved import MOVED


@pytest.mark.parametrize("former", MOVED)
def test_a_former_path_gives_the_same_names(former: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a package that moved as well
        importlib.import_module(former.rpartition(".")[0])
    sys.modules.pop(former, None)
    with pytest.warns(DeprecationWarning, match=rf"^the module {former} is {' and '.join(MOVED[former])} now$"):
        module = importlib.import_module(former)
    for path in MOVED[former]:
        new = vars(importlib.import_module(path))
        assert all(vars(module)[name] is value for name, value in new.items() if not name.startswith("__"))


def test_code_from_before_runs() -> None:
    code = """
from analyses.analyze import analyze
from analyses.heads import head_importance
from analyses.rollout import attention_rollout
from analyses.study.rows import read_rows
from analyses.study.study import prepare
from interpret.edit import editing, zero_head
from interpret.record import recording
from reports.figures import save_figures
from reports.page import render
import analyses, interpret
assert analyses.analyze is analyze and callable(analyses.study)
assert interpret.recording is recording and interpret.editing is editing
"""
    subprocess.run([sys.executable, "-c", code], check=True)

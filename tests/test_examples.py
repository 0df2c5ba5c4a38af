"""Every public name has an example in its docstring, and it gives what it says."""

import doctest
import inspect

import pytest
import torch
from tiny_pipelines import tiny_stable_diffusion
from translators_for_tests import save_translator

import analyses
import interpret

PUBLIC = {
    name: getattr(package, name)
    for package in (interpret, analyses)
    for name in package.__all__
    if name != "__version__"
}


@pytest.fixture(scope="session")
def models(saved, tmp_path_factory):
    """The models that examples name, each loaded once."""
    translator = tmp_path_factory.mktemp("models") / "marian"
    save_translator(translator, "marian")
    folders = {None: None, "path/to/gpt2": saved / "gpt2", "path/to/marian": translator}
    return {name: interpret.load(folder) for name, folder in folders.items()}


@pytest.mark.parametrize("name", PUBLIC)
def test_example(name, models, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(interpret, "load", lambda model=None: models[model])
    names = {**PUBLIC, "interpret": interpret, "torch": torch, "pipeline": tiny_stable_diffusion()}
    text = inspect.getdoc(PUBLIC[name]) or ""
    assert text.count("\nExample:\n") == 1, f"{name} needs one section Example:, the last of its docstring"
    example = doctest.DocTestParser().get_doctest(text.partition("\nExample:\n")[2], names, name, None, 0)
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert example.examples and not report, "".join(report)

"""The public names of `analyses`: each can be imported, and short ones are what they stand for."""

import ast
import subprocess
import sys
from pathlib import Path

import analyses


def test_every_public_name_can_be_imported():
    assert len(set(analyses.__all__)) == len(analyses.__all__)
    for name in analyses.__all__:
        assert getattr(analyses, name).__name__ in (name, analyses.SHORT.get(name)), name


def test_short_names_are_those_of_the_stub():
    stub = ast.parse(Path(analyses.__file__).with_suffix(".pyi").read_text("utf-8"))
    told = {each.targets[0].id: each.value.id for each in stub.body if isinstance(each, ast.Assign)}
    assert told == analyses.SHORT
    assert analyses.entropy is analyses.attention_entropy
    assert analyses.ablate_heads is analyses.head_importance


def test_importing_results_imports_no_tables_and_no_figures():
    heavy = ("pandas", "seaborn", "matplotlib", "pyarrow", "PIL", "jinja2", "reports")
    code = (
        "import sys, analyses; [getattr(analyses, name) for name in ('Analysis', 'Entropy', 'Steps', 'read')]; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

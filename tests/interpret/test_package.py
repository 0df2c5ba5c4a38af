"""`import interpret` is quick, and its names are what they say."""

import subprocess
import sys

import pytest

import analyses
import interpret


def python(*lines: str) -> str:
    """Runs lines in a fresh Python, where nothing has been imported."""
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_brings_no_heavy_library():
    heavy = "{'torch', 'transformers', 'tokenizers', 'captum', 'numpy', 'importlib.resources', 'tempfile'}"
    code = ("import analyses, interpret, sys", "interpret.InputError")
    assert python(*code, f"print({heavy} & set(sys.modules))") == "set()"


def test_an_analysis_does_not_wait_for_what_it_has_no_use_for():
    slow = "{'torch._dynamo', 'sympy'}"  # a second and a half
    code = ("import interpret, sys", "from analyses import analyze", "subject = interpret.load()")
    analysis = 'analyze(subject, "A gripping and funny film.", effort="quick")'
    assert python(*code, analysis, f"print({slow} & set(sys.modules))") == "set()"


def test_every_name_is_there():
    for package in (interpret, analyses):
        assert len(package.__all__) > 20 and set(package.__all__) <= set(dir(package))
        assert all(getattr(package, name) is not None for name in package.__all__)


def test_a_wrong_name_is_an_attribute_error():
    for package in (interpret, analyses):
        with pytest.raises(AttributeError, match=rf"^No {package.__name__} attribute laod$"):
            package.laod  # noqa: B018


def test_a_function_stays_one_beside_a_module_of_its_name():
    code = ("from analyses import alignment, faithfulness, leave_one_out", "import analyses.translation.alignment")
    calls = "analyses.alignment, analyses.faithfulness, analyses.leave_one_out"
    assert python(*code, "import analyses", f"print(all(map(callable, ({calls}))))") == "True"

"""`import interpret` is quick, and its names are what they say."""

import subprocess
import sys

import pytest

import interpret


def python(*lines: str) -> str:
    """Runs lines in a fresh Python, where nothing has been imported."""
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_brings_no_heavy_library():
    heavy = "{'torch', 'transformers', 'tokenizers', 'captum', 'numpy'}"
    assert python("import interpret, sys", "interpret.InputError", f"print({heavy} & set(sys.modules))") == "set()"


def test_an_analysis_does_not_wait_for_what_it_has_no_use_for():
    slow = "{'torch._dynamo', 'sympy'}"  # a second and a half
    code = ("import interpret, sys", "from analyses.analyze import analyze", "subject = interpret.load()")
    analysis = 'analyze(subject, "A gripping and funny film.", effort="quick")'
    assert python(*code, analysis, f"print({slow} & set(sys.modules))") == "set()"


def test_every_name_is_there():
    assert all(getattr(interpret, name) is not None for name in interpret.__all__)
    assert set(interpret.__all__) <= set(dir(interpret))


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'interpret' has no attribute 'laod'$"):
        interpret.laod  # noqa: B018

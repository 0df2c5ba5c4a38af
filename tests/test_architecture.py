"""The layout: imports go one way, roots hold the public face only, and a class's name is its own."""

import ast
from collections import defaultdict
from pathlib import Path

import grimp
import pytest
from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

ROOT = Path(__file__).parents[1]
PACKAGES = ("interpret", "analyses", "reports")
AT_ROOTS = {  # of each package: its public names, and ideas that everything else uses
    "interpret": {"__init__", "errors", "indices", "moved", "tolerances"},
    "analyses": {"__init__"},
    "reports": {"__init__"},
}

# Folders whose modules import each other one way, also where only types or a function need it.
ONE_WAY = ("attention", "cli", "doctor", "interventions", "loading", "modes", "native", "projections", "system")


def test_each_folder_imports_only_from_those_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of folders is in pyproject.toml, under `tool.importlinter`."""
    monkeypatch.chdir(ROOT)
    configure()
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    modules = {
        module for module in graph.modules if module.startswith(tuple(f"interpret.{folder}" for folder in ONE_WAY))
    }
    imported = {module: graph.find_modules_directly_imported_by(module) for module in modules}
    assert not {
        module for module in modules if any(module in graph.find_upstream_modules(each) for each in imported[module])
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_lies_loose_at_the_root_of_a_package(package: str) -> None:
    assert {path.stem for path in (ROOT / package).glob("*.py")} == AT_ROOTS[package]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_folder_says_what_it_holds(package: str) -> None:
    for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))), folder


def test_no_two_public_classes_have_one_name() -> None:
    homes = defaultdict[str, list[str]](list)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes[node.name].append(str(path.relative_to(ROOT)))
    assert not {name: paths for name, paths in homes.items() if len(paths) > 1}

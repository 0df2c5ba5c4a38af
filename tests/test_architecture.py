"""The layout: imports go one way, roots hold the public face only, and a class's name is its own."""

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

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

CIRCLES = {  # imports that close a circle of modules; to be shortened, never to be made longer
    "analyses.decision.caveats": {"analyses.decision.analyze"},
    "analyses.decision.schema": {"analyses.decision.analyze"},
    "analyses.generation.schema": {"analyses.generation.steps"},
}


def test_each_folder_imports_only_from_those_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of folders is in pyproject.toml, under `tool.importlinter`."""
    monkeypatch.chdir(ROOT)
    configure()
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports within functions, and for type checking only, count too; those of `CIRCLES` are left out."""
    modules = {_dotted(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    graph = {name: _imports(name, path, modules) - CIRCLES.get(name, set()) for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these import each other: {' <- '.join(error.args[1])}")


def test_circles_that_are_known_are_there() -> None:
    modules = {_dotted(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    for name, imported in CIRCLES.items():
        assert imported <= _imports(name, modules[name], modules), f"take {name} from CIRCLES"


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, path: Path, modules: dict[str, Path]) -> set[str]:
    """Modules of these packages that a module imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= within & modules.keys() or {node.module}
    return (found & modules.keys()) - {name}


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

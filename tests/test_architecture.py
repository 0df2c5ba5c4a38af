"""The layout: imports go one way, roots hold the public face only, and a class's name is its own."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

from interpret.subjects.tasks import TASKS

ROOT = Path(__file__).parents[1]
PACKAGES = ("interpret", "analyses", "reports")
AT_ROOTS = {  # of each package: its public names, and ideas that everything else uses
    "interpret": {"__init__", "errors", "indices", "moved", "tolerances"},
    "analyses": {"__init__"},
    "reports": {"__init__"},
}
KNOW_TASKS = ("interpret/subjects/", "interpret/loading/", "interpret/doctor/")
# A document holds the picture where there is one: the value is passed on, whatever the task. That a page shows it is
# decided on the document, too, so no report asks for more than whether it is there.
HOLDS_PICTURES = {"analyses/decision/conversion.py"}

CIRCLES = {  # a result and its JSON form know each other; to be shortened, never to be made longer
    "analyses.decision.caveats": {"analyses.decision.analyze"},
    "analyses.decision.conversion": {"analyses.decision.analyze"},
    "analyses.generation.conversion": {"analyses.generation.steps"},
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


def test_no_other_folder_branches_on_a_task() -> None:
    """What sets tasks apart is asked of the subject by name (`interpret.subjects.task_facts`), or of the example."""
    branches = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(KNOW_TASKS):
                found = branches_on_tasks(path.read_text("utf-8"), holds_pictures=name in HOLDS_PICTURES)
                branches += [f"{name}: {each}" for each in found]
    for path in sorted((ROOT / "reports" / "templates").glob("*.html")):
        branches += [
            f"{path.name}: {each}"
            for each in re.findall(r"{[{%][^}]*\btask\b *(?:==|!=|in\b)", path.read_text("utf-8"))
        ]
    assert branches == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("if subject.task == wanted: pass", ["subject.task == wanted"]),
        ('if analysis["model"]["task"] in kinds: pass', ["analysis['model']['task'] in kinds"]),
        ('names = {"translation": 1}', ["'translation'"]),
        ("isinstance(subject, NextToken)", ["isinstance(subject, NextToken)"]),
        ("isinstance(self.subject, (Writer, int))", ["isinstance(self.subject, (Writer, int))"]),
        ('getattr(subject, "chat", None)', ["getattr(subject, 'chat', None)"]),
        ("if example.picture is None: pass", ["example.picture"]),
        ('isinstance(subject, Subject) and subject.translates and f"for {subject.task}"', []),
        ('"""translation"""', []),
    ],
)
def test_a_branch_on_a_task_is_seen(code: str, found: list[str]) -> None:
    assert list(branches_on_tasks(code, holds_pictures=False)) == found


def branches_on_tasks(code: str, *, holds_pictures: bool) -> Iterator[str]:
    """Names of tasks, comparisons with a task, questions after a subject's class or attributes, and pictures."""
    tree = ast.parse(code)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_found = False
        match node:
            case ast.Constant(value=str(text)):
                is_found = text in TASKS and id(node) not in docstrings
            case ast.Compare():
                is_found = any(_is_task(part) for part in (node.left, *node.comparators))
            case ast.Call(func=ast.Name("isinstance"), args=[asked, kinds]):
                names = {part.id for part in ast.walk(kinds) if isinstance(part, ast.Name)}
                is_found = _is_subject(asked) and names != {"Subject"}
            case ast.Call(func=ast.Name("getattr" | "hasattr"), args=[asked, *_]):
                is_found = _is_subject(asked)
            case ast.Attribute(attr="picture"):
                is_found = not holds_pictures
        if is_found:
            yield ast.unparse(node)


def _is_task(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr="task") | ast.Subscript(slice=ast.Constant("task")):
            return True
    return False


def _is_subject(node: ast.expr) -> bool:
    match node:
        case ast.Name("subject") | ast.Attribute(attr="subject"):
            return True
    return False

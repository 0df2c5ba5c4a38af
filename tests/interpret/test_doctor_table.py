"""The table of verified models: small models of any architecture, and rows that hold again when they are measured."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
import torch
from broken_models import BrokenReader
from own_modules import word_tokenizer
from transformers import AutoConfig

import interpret
from interpret.attention.recording import Check, Recording
from interpret.doctor import isolated
from interpret.doctor.building import MODEL_MAPPINGS, class_names, default_config, registered_pairs, tiny_model
from interpret.doctor.check_result import CheckResult
from interpret.doctor.examination import Examination
from interpret.doctor.isolated import Failure, run_isolated
from interpret.doctor.shrinking import VOCABULARY, shrunk
from interpret.doctor.table import TableRow, examine_all, render_table, row_of
from interpret.doctor.trial import Trial, try_analysis
from interpret.errors import InputError
from interpret.subjects.text import TextSubject

SHIPPED = Path(__file__).parents[2] / "reports" / "verified_models.md"
SAMPLE = [
    ("gemma2", "text-generation"),  # softcaps and windows
    ("gpt2", "text-generation"),  # Conv1D
    ("gpt_oss", "text-generation"),  # sinks
    ("deepseek_v3", "text-generation"),  # queries and values of different widths
    ("qwen3_next", "text-generation"),  # a gate before the projection, linear attention in other layers
    ("jetmoe", "text-generation"),  # no projection of its own
    ("mamba", "text-generation"),  # no attention
    ("bert", "text-classification"),
    ("t5", "translation"),  # position bias, cross attention
    ("bart", "question-answering"),
    ("vit", "image-classification"),
    ("layoutlmv2", "question-answering"),  # needs a package that isn't there
    ("hrm_text", "text-generation"),  # drops gradients inside
    ("esm", "token-classification"),  # reads vectors otherwise than tokens
    ("swin", "image-classification"),  # windows
]


def shipped_rows() -> dict[tuple[str, str], list[str]]:
    """Cells of the table in the repository, by architecture and task."""
    rows, task = {}, ""
    for line in SHIPPED.read_text("utf-8").splitlines():
        if line.startswith("## "):
            task = line.removeprefix("## ")
        elif task and line.startswith("| ") and not line.startswith("| architecture"):
            cells = [cell.strip() for cell in line.replace("\\|", "/").strip("|").split("|")]
            rows[cells[0], task] = cells
    return rows


def test_the_shipped_table_holds_when_some_of_it_is_measured_again() -> None:
    shipped = shipped_rows()
    for row in examine_all(SAMPLE, workers=2):
        cells = shipped[row.architecture, row.task]
        assert (row.status, str(row.calls or "")) == (cells[1], cells[3]), row
        assert row.weights is None or row.weights <= 1e-6
        assert row.heads is None or row.heads <= 1e-5
        assert (row.weights is None, row.heads is None) == (cells[5] == "", cells[6] == "")
        assert " ".join(row.analyze.split())[:60] == cells[2][:60]
        assert " ".join(row.says.split())[:60] == cells[7][:60]


def test_the_shipped_table_has_every_pair_and_its_numbers_keep_what_it_promises() -> None:
    shipped = shipped_rows()
    assert sorted(shipped) == sorted(registered_pairs())
    verified = [cells for cells in shipped.values() if cells[1] == "verified"]
    assert len(verified) >= 220
    assert all(float(cells[5] or 0) <= 1e-6 and float(cells[6]) <= 1e-5 for cells in verified)
    assert all(cells[2] == "yes" for cells in verified)
    assert all(cells[7] or cells[2] != "yes" for cells in shipped.values() if cells[1] != "verified")  # says why
    assert not [pair for pair, cells in shipped.items() if "crash" in cells[2]]
    total = next(line for line in SHIPPED.read_text("utf-8").splitlines() if line.startswith("| all |"))
    counts = [
        sum(cells[1] == status for cells in shipped.values()) for status in ("verified", "partial", "unsupported")
    ]
    assert [int(cell) for cell in total.strip("|").split("|")[1:]] == counts


def test_a_table_is_written_as_it_should_be() -> None:
    rows = [
        TableRow("one", "text-generation", "verified", 2, "interface", 3e-8, 0.0, "yes"),
        TableRow("two", "text-generation", "partial", 1, "observed", None, 2e-6, "no | way", "a | b"),
        TableRow("one", "image-classification", "unsupported", says="no attention"),
    ]
    lines = render_table(rows, today=date(2026, 1, 2)).splitlines()
    assert lines[0] == "# Verified models"
    text = " ".join(lines)
    assert "Written on 2026-01-02 with torch" in text and "registers for 2 tasks" in text
    assert lines[lines.index("| text-generation | 1 | 1 | 0 |") + 1 :] == [
        "| image-classification | 0 | 0 | 1 |",
        "| all | 1 | 1 | 1 |",
        "",
        "## text-generation",
        "",
        "| architecture | status | analyze | calls | way in | weights | heads | |",
        "|---|---|---|---|---|---|---|---|",
        "| one | verified | yes | 2 | interface | 3e-08 | 0 |  |",
        "| two | partial | no \\| way | 1 | observed |  | 2e-06 | a \\| b |",
        "",
        "## image-classification",
        "",
        "| architecture | status | analyze | calls | way in | weights | heads | |",
        "|---|---|---|---|---|---|---|---|",
        "| one | unsupported |  |  |  |  |  | no attention |",
    ]


def test_a_row_is_verified_only_where_nothing_failed_and_heads_were_compared() -> None:
    weights = CheckResult("weights are those of output_attentions=True", "passed", 1e-8, 1e-6)
    heads = CheckResult("a silenced head is one with zeroed columns of the output projection", "passed", 0.0, 1e-5)
    noted = CheckResult("padding on the left changes nothing", "noted", 0.5, 1e-5, "counts from the padding")

    def row(*results: CheckResult, tried: Trial | None = None) -> TableRow:
        return row_of("a", "text-generation", Examination("A", 2, ("interface",), results), tried or Trial())

    sound = row(weights, heads, noted)
    assert (sound.status, sound.weights, sound.heads) == ("verified", 1e-8, 0.0)
    assert sound.says == "padding on the left changes the answer (counts from the padding)"
    broken = row(CheckResult(weights.check, "failed", 0.1, 1e-6, "2 maps"), heads)
    assert (broken.status, broken.says) == ("partial", f"not so: {weights.check} (2 maps)")
    assert row(weights, CheckResult(heads.check, "not applicable", detail="none")).status == "partial"
    hidden = row(CheckResult(weights.check, "not applicable"), heads)
    assert (hidden.status, hidden.weights) == ("verified", None)
    assert hidden.says == "shows no weights of its own to compare with"
    nothing = row_of("a", "text-generation", Examination("A", 0, (), (), "no attention"), Trial(refusal="it has none"))
    assert (nothing.status, nothing.analyze, nothing.says) == ("unsupported", "it has none", "no attention")
    for tried, says in (
        (Trial(), "yes"),
        (Trial(refusal="it can't\nbe explained: so; models such as BERT work"), "it can't be explained: so"),
        (Trial(crash="KeyError: 'x'"), "crashes: KeyError: 'x'"),
        (Trial(failed=("rows sum to 1",)), "self-checks fail: rows sum to 1"),
    ):
        found = row(weights, heads, tried=tried)
        assert (found.status, found.analyze) == ("verified" if says == "yes" else "partial", says)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("", ""),
        ("fails on long texts", "crashes: IndexError: there is no such place"),
        ("never the same", "BrokenReader answers otherwise to a text when another one stands beside it"),
        ("no gradients", "BrokenReader (BrokenReader) gives scores without gradients, which explanations need"),
        ("infinite gradients", "last-layer attention gave scores that aren't finite, so units can't be ranked by them"),
    ],
)
def test_a_row_of_a_broken_model_says_what_an_analysis_does_with_it(broken: str, says: str) -> None:
    try:
        tried = try_analysis(interpret.load(BrokenReader(broken), tokenizer=word_tokenizer()))
    except InputError as error:
        tried = Trial(refusal=str(error))
    row = row_of("a", "text-classification", Examination("A", 2, ("interface",), ()), tried)
    assert row.status == ("partial" if broken else "verified") and row.analyze.startswith(says or "yes"), row


def test_an_analysis_whose_checks_fail_is_no_yes(bert: TextSubject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recording, "checks", lambda _: (Check("rows sum to 1", 0.5, 1e-5),))
    assert try_analysis(bert).problem == "self-checks fail: rows sum to 1"


def test_a_small_config_keeps_every_kind_of_layer_and_what_belongs_together() -> None:
    given = AutoConfig.for_model("gemma2", num_key_value_heads=4)
    before = given.to_dict()
    small = shrunk(given)
    assert given.to_dict() == before
    assert small.num_hidden_layers == 2 and set(small.layer_types) == {"sliding_attention", "full_attention"}
    assert (small.num_attention_heads, small.num_key_value_heads, small.head_dim) == (4, 2, 16)
    assert small.vocab_size == VOCABULARY and max(small.pad_token_id, small.eos_token_id) < VOCABULARY
    alone = shrunk(AutoConfig.for_model("llama", num_attention_heads=32, num_key_value_heads=32))
    assert alone.num_key_value_heads == alone.num_attention_heads == 4
    assert shrunk(AutoConfig.for_model("gemma", num_key_value_heads=1)).num_key_value_heads == 1
    exceptions = shrunk(AutoConfig.for_model("gemma4_text"))
    assert exceptions.layer_types == ["sliding_attention", "full_attention"]
    inside = shrunk(AutoConfig.for_model("gemma3"))
    assert inside.text_config.hidden_size == 64 and inside.image_token_index < VOCABULARY


def test_small_models_are_small_repeat_and_leave_no_weight_at_zero() -> None:
    one, again = (tiny_model(default_config("dinov2"), "image-classification") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert sum(parameter.numel() for parameter in one.parameters()) < 200_000
    assert all(parameter.any() for parameter in one.parameters())
    other = tiny_model(default_config("dinov2"), "image-classification", seed=1)
    assert not torch.equal(next(one.parameters()), next(other.parameters()))


def test_what_cant_be_built_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"^transformers registers no mamba for question-answering$"):
        tiny_model(default_config("mamba"), "question-answering")
    with pytest.raises(InputError, match=r"^couldn't be built: needs the package detectron2$"):
        tiny_model(default_config("layoutlmv2"), "question-answering")
    with pytest.raises(InputError) as caught:
        default_config("gemma4_assistant")
    assert str(caught.value) == (
        "transformers makes no default config of gemma4_assistant: Class validation error for validator "
        "'validate_architecture': ValueError: hidden_size_per_layer_input must be 0, got 256"
    )
    assert class_names("bert", "text-generation") == ("BertLMHeadModel",)
    assert class_names("mamba", "question-answering") == ()
    assert set(MODEL_MAPPINGS) == {task for _, task in registered_pairs()}


def fate(number: int) -> int:
    """Work that ends well, crashes, hangs or needs too much, in a process of its own."""
    if number == 1:
        os._exit(7)
    if number == 2:
        while True:
            pass
    if number == 3:
        return len(torch.ones(2**40))
    return number**2


HELD = """
import multiprocessing, os, signal, sys
from contextlib import closing
from pathlib import Path
from interpret.doctor import isolated

def held(folder):
    Path(folder, str(os.getpid())).touch()
    signal.pause()

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    isolated._context = lambda: multiprocessing.get_context("forkserver")  # without what takes long to load
    with closing(isolated.run_isolated(held, [sys.argv[1]] * 3, workers=2, seconds=1000, gigabytes=1)) as results:
        list(results)
"""


def is_at_work(path: Path) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", path.name], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_work_ends_with_the_process_that_asked_for_it(tmp_path: Path, number: signal.Signals) -> None:
    """Work that nothing else frees; Ctrl-C reaches it too, but it is the first process that ends it."""
    script, folder = tmp_path / "script.py", tmp_path / "at work"
    script.write_text(HELD)
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, str(script), str(folder)], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while len(at_work := list(folder.iterdir())) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, said = process.communicate()
    while number == signal.SIGKILL and any(map(is_at_work, at_work)):
        time.sleep(0.05)  # they notice by themselves
    assert not any(map(is_at_work, at_work)) and len(list(folder.iterdir())) == 2
    assert said.count("Traceback") == (number == signal.SIGINT)  # of the first process, which no command line tidies


def test_work_that_crashes_hangs_or_fills_the_memory_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "_PATIENCE", 1000)  # a busy machine takes long to give two seconds of computing
    found = dict(run_isolated(fate, range(5), workers=2, seconds=2, gigabytes=1))
    assert found == {
        0: 0,
        1: Failure("crashed (exit code 7)"),
        2: Failure("took more than 2 s of computing"),
        3: Failure("needs more than 1 GB of memory"),
        4: 16,
    }

"""Sizes as people write them, and what a process holds."""

import gc
import platform
import subprocess
import sys
import weakref
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest
import torch
from tiny_models import tiny_inputs, tiny_model

from interpret.attention import recording
from interpret.attention.editing import editing
from interpret.attention.edits import zero_head
from interpret.errors import InputError
from interpret.system import memory
from interpret.system.memory import free_bytes, parse_bytes, peak_bytes, shown_bytes, shown_seconds, used_bytes

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4 * 10**9),
        ("512 mb", 512 * 10**6),
        ("1.5GiB", 3 * 2**29),
        ("2g", 2 * 10**9),
        ("77", 77),
        ("8 KiB", 8192),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "lots", "-4GB", "4 bananas", "GB", "1e9"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_bytes(text)
    assert str(error.value) == f"a size of memory must be a number and a unit, such as 4GB or 512MB, not {text!r}"


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (999, "999 B"), (999.6, "1 kB"), (1.29e9, "1.29 GB"), (72.4e9, "72.4 GB"), (4e15, "4e+03 TB")],
)
def test_sizes_are_shown_with_three_digits(number: float, shown: str) -> None:
    assert shown_bytes(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0512, "0.051 s"), (4.14, "4.1 s"), (9.97, "10 s"), (99, "99 s"), (119, "2 min"), (8000, "2 h")],
)
def test_times_are_shown_in_their_own_unit(seconds: float, shown: str) -> None:
    assert shown_seconds(seconds) == shown


def test_what_a_process_holds_grows_with_what_it_takes_and_the_peak_stays() -> None:
    before = used_bytes(CPU)
    taken = torch.ones(30_000_000)  # 120 MB
    assert used_bytes(CPU) - before > 100_000_000
    peak = peak_bytes(CPU)
    assert peak >= used_bytes(CPU) * 0.98  # the two are read a moment apart
    del taken
    assert peak_bytes(CPU) >= peak


def test_a_container_has_no_more_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LIMITED", tmp_path)
    now = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: now)  # other processes take and give back as they like
    free = now.available
    assert free_bytes(CPU) == free  # no limit is written down
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes(CPU) == free
    (tmp_path / "memory.max").write_text("5000\n")
    assert free_bytes(CPU) == 4000


FREED = """
import psutil, torch
from interpret.system.memory import return_freed

held = lambda: psutil.Process().memory_info().rss
torch.empty(2**22)  # when it ends, glibc takes up the habit of keeping pieces of this size
pieces = [torch.ones(2**size) for _ in range(60) for size in (20, 12)]
full = held()
kept = pieces[1::2]
del pieces
freed = held()
return_freed()
print(full, freed, held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library, which may keep nothing")
def test_what_was_freed_between_pieces_that_stay_goes_back_to_the_system() -> None:
    said = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True).stdout
    full, freed, returned = map(int, said.split())
    pieces = 60 * 4 * 2**20
    assert full - freed < 0.2 * pieces
    assert full - returned > 0.9 * pieces


@pytest.mark.parametrize(("least", "times"), [(0, 2), (10**9, 0)])
def test_a_recording_returns_what_layers_freed_where_they_are_large(
    least: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(recording, "LARGE", least)
    monkeypatch.setattr(recording, "return_freed", lambda: calls.append(1))
    with torch.no_grad(), recording.recording(model := tiny_model("causal", "llama")) as kept:
        model(**tiny_inputs("causal"))
    assert len(kept) == 2
    assert len(calls) == times


@pytest.mark.parametrize("passes", ["one", "edited", "followed", "generated"])
def test_a_recording_is_freed_with_its_last_name(passes: str) -> None:
    """Not when Python next looks for objects that hold each other, which many recordings may come before."""
    model, inputs = tiny_model("causal", "llama"), tiny_inputs("causal")
    ids = inputs["input_ids"][:1]

    def kept() -> list[weakref.ref[object]]:
        edits = editing(model, zero_head(0, 0)) if passes == "edited" else nullcontext()
        with torch.no_grad(), edits, recording.recording(model) as found:
            model.generate(ids, max_new_tokens=3) if passes == "generated" else model(**inputs)
        found.step(0).weights(0)
        return [weakref.ref(each) for each in (found, *(call.output for call in found.calls))]

    if passes != "followed":
        kept()  # which call reads which is seen once
    gc.collect()
    gc.disable()
    try:
        assert [each() for each in kept()] == [None] * (7 if passes == "generated" else 3)
    finally:
        gc.enable()

"""Sizes as people write them, and what a process holds."""

import time
from pathlib import Path

import psutil
import pytest
import torch

from interpret import memory
from interpret.errors import InputError
from interpret.memory import free_bytes, parse_bytes, peak_bytes, shown_bytes, shown_seconds, used_bytes

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
    time.sleep(0.01)
    assert peak_bytes(CPU) >= peak


def test_a_container_has_no_more_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LIMITED", tmp_path)
    free = psutil.virtual_memory().available
    assert free_bytes(CPU) == pytest.approx(free, rel=0.2)  # no limit is written down
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes(CPU) == pytest.approx(free, rel=0.2)
    (tmp_path / "memory.max").write_text("5000\n")
    assert free_bytes(CPU) == 4000

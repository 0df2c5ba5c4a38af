"""A study's folder: killed at any moment and taken up again, it ends with the bytes of an undisturbed run."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from analyses.resumable.chunks import Chunk, partition
from analyses.resumable.folder import StudyFolder
from analyses.resumable.parts import packed, table_of, unpacked
from analyses.resumable.running import run_chunks
from interpret.errors import InputError

FINGERPRINT = {"schema": "study/1", "model": {"name": "toy", "sha256": "ab12"}, "seed": 0, "chunk": 3}
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from analyses.resumable.chunks import partition
from analyses.resumable.folder import StudyFolder
from analyses.resumable.parts import packed, table_of, unpacked
from analyses.resumable.running import run_chunks

def measure(chunk):
    sys.stdin.readline()  # whoever started this says when to go on
    draw = np.random.default_rng(chunk.index)
    return [
        {
            "row": row, "label": None if chunk.index < 5 else "positive", "right": row % 3 == 0,
            "margin": float(draw.normal()), "scores": draw.normal(size=row % 4).tolist(),
        }
        for row in chunk.rows
    ]

chunks = partition(79, 1)
with StudyFolder(Path(sys.argv[1]), {"seed": 0, "chunk": 1}).open() as folder:
    print("open", flush=True)
    run_chunks(folder, chunks, measure, progress=lambda done, all: print(done, all, flush=True))
    found = folder.records()
    folder.finish({"rows": found.num_rows, "mean": sum(found["margin"].to_pylist()) / found.num_rows})
"""


def records_of(chunk):
    draw = np.random.default_rng(chunk.index)
    return [{"row": row, "margin": float(draw.normal()), "words": ["a", None][: row % 3]} for row in chunk.rows]


def ran(path, *, chunks=None, measure=records_of):
    """Runs a study; gives the chunks that were measured, and what progress was told."""
    measured, told = [], []

    def counted(chunk):
        measured.append(chunk.index)
        return measure(chunk)

    chunks = partition(10, 3) if chunks is None else chunks
    with StudyFolder(path, FINGERPRINT).open() as folder:
        run_chunks(folder, chunks, counted, progress=lambda done, whole: told.append((done, whole)))
        folder.finish({"rows": folder.records().num_rows})
    return measured, told


def results(path):
    return (path / "results.parquet").read_bytes(), (path / "summary.json").read_bytes()


def refusal(path, fingerprint=FINGERPRINT):
    with pytest.raises(InputError) as error, StudyFolder(path, fingerprint).open():
        pass
    return str(error.value)


def test_chunks_cover_every_row_once_and_in_order():
    for count in range(12):
        for size in range(1, 6):
            chunks = partition(count, size)
            assert [row for chunk in chunks for row in chunk.rows] == list(range(count))
            assert [chunk.index for chunk in chunks] == list(range(-(-count // size)))
            assert all(len(chunk.rows) == size for chunk in chunks[:-1])


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ValueError) as error:
        partition(3, 0)
    assert str(error.value) == "count must be at least 0 and size at least 1, not 3 and 0"


def test_what_comes_out_is_what_was_measured(tmp_path):
    measured, told = ran(tmp_path / "new" / "study")
    assert measured == [0, 1, 2, 3]
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    wanted = [record for chunk in partition(10, 3) for record in records_of(chunk)]
    assert pq.read_table(tmp_path / "new" / "study" / "results.parquet").to_pylist() == wanted
    assert json.loads((tmp_path / "new" / "study" / "study.json").read_text()) == FINGERPRINT


def test_a_finished_study_is_not_measured_again(tmp_path):
    ran(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").iterdir()}
    assert ran(tmp_path) == ([], [(4, 4)])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").iterdir()} == before
    with StudyFolder(tmp_path, FINGERPRINT).open() as folder:
        assert folder.summary() == {"rows": 10}


def test_results_do_not_depend_on_how_rows_are_divided(tmp_path):
    """Although in one division the first part has nothing but None and whole numbers."""

    def mixed(chunk):
        return [
            {
                "label": "x" if row > 6 else None,
                "effect": 0.5 if row > 4 else 2,
                "scores": [] if row < 3 else [row, 0.5],
            }
            for row in chunk.rows
        ]

    found = []
    for size in (1, 3, 4, 10):
        ran(tmp_path / str(size), chunks=partition(10, size), measure=mixed)
        found.append(results(tmp_path / str(size)))
    assert len(set(found)) == 1
    table = pq.read_table(tmp_path / "1" / "results.parquet")
    assert [str(kind) for kind in table.schema.types] == ["string", "double", "list<element: double>"]
    assert table["effect"].to_pylist() == [2.0] * 5 + [0.5] * 5


def test_a_damaged_part_is_measured_again(tmp_path):
    ran(tmp_path / "whole")
    wanted = results(tmp_path / "whole")
    part = tmp_path / "whole" / "parts" / "00001.parquet"
    good = part.read_bytes()
    draw = random.Random(0)
    for _ in range(20):
        at = draw.randrange(len(good))
        part.write_bytes(draw.choice([good[:at], good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :]]))
        measured, _ = ran(tmp_path / "whole")
        assert measured in ([1], []), at  # bytes that carry no value, such as names of encodings, may change
        assert results(tmp_path / "whole") == wanted, at


def test_bytes_changed_at_random_give_the_same_records_or_none():
    """Parquet has bytes that carry no value, so some changes change nothing."""
    labels = {"study": "ab", "chunk": "3"}
    wanted = table_of(
        [{"row": row, "label": "naïve" if row % 3 else None, "s": [row / 3] * (row % 3)} for row in range(9)]
    )
    good = packed(wanted, labels)
    assert unpacked(good)[1] == labels
    draw = random.Random(0)
    lost = 0
    for _ in range(1500):
        spoilt = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            spoilt[draw.randrange(len(good))] = draw.randrange(256)
        found = unpacked(bytes(spoilt))
        lost += found is None
        assert found is None or (found[0].to_pylist() == wanted.to_pylist() and found[1] == labels)
    assert lost > 1000


def test_a_value_changed_in_a_sound_file_is_found(tmp_path):
    ran(tmp_path)
    part = tmp_path / "parts" / "00002.parquet"
    table = pq.read_table(part)
    pq.write_table(table.set_column(0, "row", [[60, 70, 80]]).replace_schema_metadata(table.schema.metadata), part)
    assert ran(tmp_path)[0] == [2]


def test_a_part_of_another_chunk_or_study_does_not_count(tmp_path):
    ran(tmp_path / "here")
    with StudyFolder(tmp_path / "other", FINGERPRINT | {"seed": 1}).open() as folder:
        run_chunks(folder, partition(10, 3), records_of, progress=lambda done, whole: None)
    parts = tmp_path / "here" / "parts"
    (parts / "00003.parquet").write_bytes((tmp_path / "other" / "parts" / "00003.parquet").read_bytes())
    (parts / "00001.parquet").rename(parts / "00009.parquet")
    with StudyFolder(tmp_path / "here", FINGERPRINT).open() as folder:
        assert folder.finished() == {0, 2}


def test_an_interrupt_leaves_a_study_to_take_up(tmp_path):
    def interrupted(chunk):
        if chunk.index == 2:
            raise KeyboardInterrupt
        return records_of(chunk)

    with pytest.raises(KeyboardInterrupt):
        ran(tmp_path / "stopped", measure=interrupted)
    assert ran(tmp_path / "stopped")[0] == [2, 3]
    ran(tmp_path / "undisturbed")
    assert results(tmp_path / "stopped") == results(tmp_path / "undisturbed")


def start(path):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def _go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path):
    whole = start(tmp_path / "undisturbed")
    assert whole.communicate()[0].endswith("79 79\n") and whole.returncode == 0
    draw = random.Random(1)
    reached = []
    for _ in range(10):
        process = start(tmp_path / "killed")
        assert process.stdout.readline() == "open\n"
        seen = [process.stdout.readline()]  # each tells how many chunks are done
        for _ in range(draw.randrange(1, 6)):
            _go_on(process)
            seen.append(process.stdout.readline())
        _go_on(process)
        time.sleep(draw.uniform(0, 0.02))  # into the next one, which it may end, or not begin
        process.send_signal(signal.SIGKILL)
        seen += process.communicate()[0].splitlines()
        assert process.returncode == -signal.SIGKILL
        reached += [int(line.split()[0]) for line in seen]
    last = start(tmp_path / "killed")
    taken_up = int(last.communicate()[0].splitlines()[1].split()[0])
    assert last.returncode == 0
    assert reached == sorted(reached) and 5 < reached[-1] <= taken_up < 79  # no chunk that was done was lost
    assert results(tmp_path / "killed") == results(tmp_path / "undisturbed")
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_killed_while_a_part_is_written_it_loses_that_part_only(tmp_path, moment):
    death = "lambda *given: os.kill(os.getpid(), signal.SIGKILL)"
    spoil = {
        "write": f"P.open = lambda self, mode: (real(self, mode).write(b'PAR1'), ({death})())",
        "fsync": f"os.fsync = {death}",
        "replace": f"os.replace = {death}",
    }[moment]
    script = SCRIPT.replace(
        "    return [\n",
        f"    if chunk.index == 7:\n        import os, signal\n        P, real = Path, Path.open\n        {spoil}\n"
        "    return [\n",
        1,
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL
    )
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "parts" / ".00007.parquet.part").exists()
    with StudyFolder(tmp_path, {"seed": 0, "chunk": 1}).open() as folder:
        assert folder.finished() == set(range(7))
        assert not (tmp_path / "parts" / ".00007.parquet.part").exists()


def test_a_study_that_can_not_start_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), StudyFolder(tmp_path / "new" / "study", FINGERPRINT).open():
        assert (tmp_path / "new" / "study" / ".lock").exists()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_share_a_folder(tmp_path):
    with StudyFolder(tmp_path, FINGERPRINT).open():
        assert refusal(tmp_path) == (
            f"another process is at work on the study in {tmp_path}; wait for its end, or give another folder"
        )
    ran(tmp_path)


def test_another_study_is_refused_and_left_alone(tmp_path):
    ran(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    other = {**FINGERPRINT, "model": {"name": "toy", "sha256": "cd34"}, "seed": 1}
    assert refusal(tmp_path, other) == (
        f'{tmp_path} has another study: model.sha256 was "ab12" and is now "cd34"; seed was 0 and is now 1; '
        "give a new folder, or ask for the same study again"
    )
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_many_differences_are_counted(tmp_path):
    with StudyFolder(tmp_path, {"a": 1, "b": 1, "c": "x" * 99, "d": 1}).open() as folder:
        folder.save(Chunk(0, (0,)), [{"a": 1}])
    text = refusal(tmp_path, {"a": 2, "b": 2, "c": 2, "d": 2})
    assert 'c was "' + "x" * 58 + "… and is now 2; and 1 more; give" in text


@pytest.mark.parametrize("name", ["thesis.txt", "parts/thesis.txt"])
def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    assert refusal(tmp_path) == (
        f"{tmp_path} has files but no study.json (such as {name}); give a new or an empty folder"
    )
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == [name]


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    assert refusal(tmp_path / "out") == f"{tmp_path / 'out'} is a file; give a folder for the study"


def test_a_spoilt_study_file_is_refused(tmp_path):
    (tmp_path / "study.json").write_text('{"seed": ')
    assert refusal(tmp_path) == (
        f"{tmp_path / 'study.json'} can't be read, so it isn't known whose study this is; give a new folder"
    )


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([{"a": 1}, {"b": 1}], "records must have the same fields in the same order: ['a'], then ['b']"),
        ([{"a": 1}, {"a": "x"}], "field 'a' mixes int64 and string; give it one kind of value"),
        ([{"a": [1.0, "x"]}], "field 'a' mixes double and string; give it one kind of value"),
        (
            [{"a": np.float32(1)}],
            "field 'a' has float32; give bool, int, float, str, lists of them or None",
        ),
    ],
)
def test_records_that_make_no_table_are_refused(tmp_path, records, message):
    with StudyFolder(tmp_path, FINGERPRINT).open() as folder, pytest.raises(ValueError) as error:
        folder.save(Chunk(0, (0,)), records)
    assert str(error.value) == message


def test_lists_in_which_nothing_is_known_are_kept(tmp_path):
    with StudyFolder(tmp_path, FINGERPRINT).open() as folder:
        for index in range(2):
            folder.save(Chunk(index, (index,)), [{"a": [None, None], "b": [1.0, None]}])
        folder.finish({})
        assert folder.records().to_pylist() == [{"a": [None, None], "b": [1.0, None]}] * 2
    assert pq.read_table(tmp_path / "results.parquet").to_pylist() == [{"a": [None, None], "b": [1.0, None]}] * 2


def test_parts_that_do_not_fit_together_are_refused(tmp_path):
    with StudyFolder(tmp_path, FINGERPRINT).open() as folder:
        folder.save(Chunk(0, (0,)), [{"a": 1}])
        folder.save(Chunk(1, (1,)), [{"b": 1}])
        with pytest.raises(ValueError) as error:
            folder.records()
        assert str(error.value) == "parts must have the same fields in the same order: ['a'], then ['b']"
        folder.save(Chunk(3, (3,)), [{"a": 1}])
        with pytest.raises(ValueError) as error:
            folder.records()
        assert str(error.value) == "chunks [2] aren't stored yet; run them first"


def test_chunks_of_another_size_are_refused(tmp_path):
    ran(tmp_path)
    with pytest.raises(ValueError) as error:
        ran(tmp_path, chunks=partition(10, 4))
    assert str(error.value) == "chunk 0 is stored with other rows; put the chunk size into the fingerprint"


def test_a_summary_that_is_no_json_spoils_nothing(tmp_path):
    ran(tmp_path)
    before = results(tmp_path)
    with StudyFolder(tmp_path, FINGERPRINT).open() as folder, pytest.raises(ValueError):
        folder.finish({"mean": float("nan")})
    assert results(tmp_path) == before


def test_results_that_are_damaged_are_no_results(tmp_path):
    ran(tmp_path)
    content = (tmp_path / "results.parquet").read_bytes()
    (tmp_path / "results.parquet").write_bytes(content[: len(content) // 2])
    with StudyFolder(tmp_path, FINGERPRINT).open() as folder:
        assert folder.summary() is None


def test_a_chunk_without_records_is_done(tmp_path):
    measured, _ = ran(tmp_path, measure=lambda chunk: [] if chunk.index == 1 else records_of(chunk))
    assert measured == [0, 1, 2, 3]
    assert ran(tmp_path)[0] == []
    assert pq.read_table(tmp_path / "results.parquet").num_rows == 7


def test_a_full_disk_is_one_line_and_leaves_the_study(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    with StudyFolder(tmp_path, FINGERPRINT).open() as folder:
        folder.save(Chunk(0, (0,)), [{"a": 1}])
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(InputError) as error:
            folder.save(Chunk(1, (1,)), [{"a": 1}])
        monkeypatch.undo()
        assert folder.finished() == {0}
    part = tmp_path / "parts" / "00001.parquet"
    assert str(error.value) == (
        f"{part} can't be written (No space left on device); give another place, with space and permission"
    )
    assert not list(tmp_path.rglob("*.part"))

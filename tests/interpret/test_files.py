"""Files that would block a reader for ever or fill the memory are refused; pipes that someone writes to are read."""

import io
import os
import socket
import threading
from pathlib import Path

import pytest

from interpret.errors import InputError
from interpret.system.files import read_file, read_stream, require_file, require_model

HUGE = 2**40  # bytes


def refusal(path: str | Path) -> str:
    with pytest.raises(InputError) as error:
        read_file(path)
    return str(error.value)


def test_a_file_is_read_whole_up_to_the_most_that_it_may_have(tmp_path: Path) -> None:
    path, content = tmp_path / "text", os.urandom(2**20 + 7)
    path.write_bytes(content)
    assert read_file(path) == read_file(path, most=len(content)) == content
    with pytest.raises(InputError) as error:
        read_file(path, most=len(content) - 1)
    assert str(error.value) == (
        f"{path} has more than 1,048,582 bytes, which is too much to be read here; give less of it"
    )
    assert read_file("/proc/self/status").startswith(b"Name:")  # has no size, as the system says


def test_a_stream_without_an_end_is_not_read_to_it() -> None:
    with open("/dev/zero", "rb") as endless, pytest.raises(InputError, match="standard input has more than 100 bytes"):
        read_stream(endless, "standard input", most=100)
    assert read_stream(io.BytesIO(b"warm"), "standard input", most=4) == b"warm"


def test_a_sparse_file_is_refused_by_its_size(tmp_path: Path) -> None:
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", HUGE)
    assert "which is too much to be read here" in refusal(tmp_path / "sparse")


def test_a_pipe_is_read_where_it_has_a_writer(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert refusal(pipe) == f"{pipe} is a pipe that nobody writes to; start what writes to it first, or give a file"
    reader, writer = os.pipe()  # as <(command) makes them
    late = threading.Thread(target=lambda: (os.write(writer, b"warm" * 2**18), os.close(writer)))
    late.start()
    assert read_file(f"/dev/fd/{reader}") == b"warm" * 2**18
    late.join()
    os.close(reader)
    with pytest.raises(InputError, match="is a pipe, which can be read only once; write it to a file first"):
        require_file(pipe)


def test_devices_and_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal("/dev/zero") == "/dev/zero is a device, which has no end to read to; give a file or a pipe"
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(tmp_path)  # the name of a socket must be short
        bound.bind("socket")
    assert refusal("socket").startswith("socket is a socket, which has no end")


def test_a_model_has_no_pipes_and_no_settings_too_large_to_be_any(tmp_path: Path) -> None:
    (tmp_path / "lost").symlink_to("nowhere")
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "config.json").write_text("{}")
    for name in (tmp_path, tmp_path / "itself", "owner/name", "a" * 5000, "\0"):
        require_model(name)
    os.truncate(tmp_path / "config.json", HUGE)
    with pytest.raises(InputError, match=r"config.json has 1,099,511,627,776 bytes, too many for a config"):
        require_model(tmp_path)
    (tmp_path / "config.json").unlink()
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"model.safetensors is a pipe"):
        require_model(tmp_path)

"""Memory of a process and its machine, and sizes as people write them."""

import ctypes
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import psutil
import torch

from interpret.errors import InputError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE)
_LIMITED = Path("/sys/fs/cgroup")  # memory limit and use of a container, on Linux


def used_bytes(device: torch.device) -> int:
    """Returns the bytes that this process holds on a device; if it isn't CUDA, the memory of the process."""
    if device.type == "cuda":
        return int(torch.cuda.memory_reserved(device))
    return int(psutil.Process().memory_info().rss)


def peak_bytes(device: torch.device) -> int:
    """Returns the most bytes that this process has held on a device so far."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    try:
        import resource
    except ImportError:  # Windows
        return int(getattr(psutil.Process().memory_info(), "peak_wset", 0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if psutil.MACOS else peak * 1024)


def free_bytes(device: torch.device) -> int:
    """Returns the bytes that this process can still take on a device, within its container's limit if it has one."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = ((_LIMITED / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free
    return free if limit == "max" else min(free, int(limit) - int(used))


def return_freed() -> None:
    """Returns freed memory to the system if the C library keeps it, as glibc does with pieces of up to 32 MiB.

    Recorded tensors lie between the temporary ones of the layers, so the heap is fragmented and grows: by up to 1.1 of
    2.6 GiB, in recordings of 8,192 tokens.
    """
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except TypeError:  # Windows
        return None


def parse_bytes(text: str) -> int:
    """Parses a size as people write it: "4GB", "512 MB", "1.5GiB", or a number of bytes.

    Raises:
        InputError: It isn't a size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"a size of memory must be a number and a unit, such as 4GB or 512MB, not {text!r}")
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


def shown_bytes(number: float) -> str:
    """Formats a size for people, such as "1.29 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def shown_seconds(seconds: float) -> str:
    """Formats a duration for people, such as "4.1 s", "12 min" or "3 h"."""
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:,.0f} h"

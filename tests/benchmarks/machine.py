"""On what all was measured: the machine, and the versions of everybody."""

import json
import os
import platform
import subprocess
from pathlib import Path

from .bench import Bench

OURS = ("interpret-attention", "torch", "transformers", "captum", "numpy")
PEERS = ("transformer-lens", "ferret-xai", "captum", "bertviz", "inseq")
ASKED = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {"python": sys.version.split()[0]}
for name in json.loads(sys.argv[1]):
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        found[name] = None
print(json.dumps(found))
"""
GPU = "import sys, torch; print(torch.cuda.get_device_name(sys.argv[1]) if sys.argv[1].startswith('cuda') else '')"


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def described(bench: Bench) -> list[str]:
    """Lines that say what machine it is and which versions ran."""
    gpu = _printed([bench.python, "-c", GPU, bench.device])
    return [
        f"machine: {_processor()}, {cores()} cores, {_memory()}{f', {gpu}' if gpu else ''}; {platform.system()}",
        f"run: {bench.device}, {bench.dtype}, {bench.threads} threads, {bench.repeats} runs of each side in turn",
        f"this side: {_spelled(_versions(bench.python, OURS))}",
        *(f"{peer}: {_peer(bench, peer)}" for peer in PEERS),
    ]


def _peer(bench: Bench, peer: str) -> str:
    found = _versions(bench.interpreter(peer), (peer, "torch", "transformers"))
    return _spelled(found) if found[peer] else "not installed"


def _versions(python: str, names: tuple[str, ...]) -> dict[str, str | None]:
    found: dict[str, str | None] = json.loads(_printed([python, "-c", ASKED, json.dumps(names)]))
    return found


def _spelled(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if version)


def _printed(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _memory() -> str:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return "memory unknown"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"

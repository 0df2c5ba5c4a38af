"""How long whole processes take, and what they import."""

import json
import subprocess
import time
from collections.abc import Iterator
from statistics import median

from ..bench import ROOT, Bench
from ..lines import Line, spell

HEAVY = ("torch", "transformers", "captum")
LOADED = f"import json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
PROGRAM = "from interpret.cli import main; main({arguments!r}, standalone_mode=False)"
TEXT = "A gripping, funny and moving film."


def lines(bench: Bench) -> Iterator[Line]:
    report = str(bench.folder / "first.html")
    for work, code, aim in (
        ("interpret --help", PROGRAM.format(arguments=["--help"]), "< 0.3 s"),
        ("import analyses", "import analyses", "< 0.3 s"),
        ("first report from the bundled model", PROGRAM.format(arguments=["analyze", TEXT, "--out", report]), "< 8 s"),
    ):
        seconds, printed = zip(*(_run(bench, f"{code}\n{LOADED}") for _ in range(max(1, bench.repeats))), strict=True)
        loaded = json.loads(printed[0].splitlines()[-1])
        imports = f"imports {', '.join(loaded)}" if loaded else f"imports none of {', '.join(HEAVY)}"
        yield Line("start", f"{work} (whole process)", spell(median(seconds)), "", "", aim, imports)


def _run(bench: Bench, code: str) -> tuple[float, str]:
    environment = bench.environment(None)
    started = time.perf_counter()
    done = subprocess.run(
        [bench.python, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return time.perf_counter() - started, done.stdout

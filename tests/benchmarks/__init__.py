"""How fast is it, against what one would use instead? One command measures everything side by side in one run.

    python -m tests.benchmarks [KEY ...] --out DIR [--peers PYTHON] [--peers NAME=PYTHON ...]
                               [--device cuda --dtype bfloat16] [--repeats N] [--threads N] [--huge]

It writes `DIR/results.md` (a table with versions, machine, medians and ratios), `DIR/results.json`, `DIR/scaling.svg`
and `DIR/log.txt` (what libraries said). Keys are the files of `rows/`; without any, all are run. Run it from the root
of a checkout, in an environment that has the package and its tests' extras.

Peers live in environments of their own, since some need older libraries; `peers.txt` pins them and says how to make
the environments. A row whose peer isn't there says so and still measures our side.

Each side of a comparison is a process of its own. It loads, warms up by one run, and then both sides run in turn, so
that a busy moment of the machine hits both. Both must find the same numbers: where they don't, the table says by how
much, and the command exits with 1. Times are never asserted: ratios stand beside what is aimed at.

    bench.py    starts the sides and lets them run in turn
    worker.py   is one side's process
    rows/       one file a key: who is compared on what, and how that reads in the table
    ours/       what our side does, and the plain way of doing the same
    peers/      what a user of a peer would write; needs nothing of this project
"""

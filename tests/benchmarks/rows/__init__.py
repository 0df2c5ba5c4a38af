"""One file a key: `lines(bench)` gives its lines of the table. Keys in the order of the table."""

KEYS = (
    "sweep",
    "sweep_tl",
    "layers",
    "peak",
    "record",
    "long",
    "faith",
    "loo",
    "report",
    "analyze",
    "ig",
    "start",
)

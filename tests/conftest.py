"""What tests share: the optional folder of real models, and tiny models built from configs."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Shapes and types are checked at every call of the packages; an int may stand where a float is wanted.
install_import_hook(
    ["interpret", "analyses", "reports"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and data beside the project, for those who have it."""
    folder = Path(os.environ.get("INTERPRET_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "models").is_dir():
        pytest.skip(f"real models are not at {folder}; set INTERPRET_SHARED to their folder")
    return folder

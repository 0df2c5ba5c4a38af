"""Which settings of attention a native model can have."""

from dataclasses import replace

import pytest

from interpret.native.config import ClassifierConfig

SIZES = {"vocabulary": 14, "hidden": 12, "layers": 3, "heads": 4, "inner": 20, "positions": 24}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attention": "sparse"}, "attention must be 'full', 'window' or 'linear', not 'sparse'"),
        ({"attention": ["full"]}, "attention must be 'full', 'window' or 'linear', not ['full']"),
        (
            {"attention": "window"},
            "window must be a whole number from 1 to 16777216 where attention is 'window', not None",
        ),
        (
            {"attention": "window", "window": 0},
            "window must be a whole number from 1 to 16777216 where attention is 'window', not 0",
        ),
        (
            {"attention": "window", "window": True},
            "window must be a whole number from 1 to 16777216 where attention is 'window', not True",
        ),
        (
            {"window": 5},
            "window and global_positions are for attention 'window', but attention is 'full', window 5 "
            "and global_positions ()",
        ),
        (
            {"attention": "linear", "global_positions": [0]},
            "window and global_positions are for attention 'window', but attention is 'linear', window None "
            "and global_positions [0]",
        ),
        *(
            (
                {"attention": "window", "window": 5, "global_positions": given},
                f"global_positions must be different whole numbers from 0 to 23, not {given!r}",
            )
            for given in ([24], [-1], [0, 0], [True], ["a"], [[0]], "0", 0)
        ),
    ],
)
def test_impossible_settings_are_refused(change, message):
    values = {**ClassifierConfig(**SIZES).to_dict(), **change}
    with pytest.raises(ValueError) as caught:
        ClassifierConfig.from_dict(values)
    assert str(caught.value) == message


def test_a_config_can_be_varied_and_made_impossible_by_that():
    config = ClassifierConfig(**SIZES, attention="window", window=3)
    assert replace(config, window=4).window == 4
    with pytest.raises(ValueError, match="window and global_positions are for attention 'window'"):
        replace(config, attention="full")

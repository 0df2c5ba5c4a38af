"""How numbers and untrusted text are written."""

import unicodedata

import pytest

from reports.shared.notation import column, listed, number, p_value, percent, visible


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5.6038, "5.60"),
        (-0.4457, "−0.45"),
        (12.345, "12.3"),
        (-1234.5, "−1234"),
        (9.997, "10.0"),
        (0.0997, "0.10"),
        (-0.0179, "−0.018"),
        (0.0000042, "4.2e−6"),
        (0.0, "0"),
        (-0.0, "0"),
        (None, "–"),
    ],
)
def test_numbers_keep_the_digits_that_count(value: float | None, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.9963, "99.6%"), (0.99996, "> 99.9%"), (1.0, "100.0%"), (0.0, "0.0%"), (0.0004, "< 0.1%"), (None, "–")],
)
def test_a_share_is_not_rounded_to_certainty(share: float | None, written: str) -> None:
    assert percent(share) == written


def test_p_values_have_three_decimals() -> None:
    assert [p_value(0.0123), p_value(0.00033), p_value(1.0), p_value(None)] == ["0.012", "< 0.001", "1.000", "–"]


def test_a_column_has_equal_decimals_and_no_negative_zero() -> None:
    write = column([5.86, -0.00067, None])
    assert [write(5.86), write(-0.00067), write(None)] == ["5.86", "0.00", "–"]
    assert column([0.0345])(0.0345) == "0.0345"
    assert column([2.4e-7])(2.4e-7) == "2.4e−7"
    assert column([0.0, None])(0.0) == "0.00"


def test_lists_read_as_sentences() -> None:
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with spaces", "plain, with spaces"),
        ("שלום 日本 ❤️ café", "שלום 日本 ❤️ café"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("\u202eevil\u202c", "⟨U+202E⟩evil⟨U+202C⟩"),
        ("\x00\x1b[31m", "⟨U+0000⟩⟨U+001B⟩[31m"),
        ("\ufeff\u00ad\u00a0", "⟨U+FEFF⟩⟨U+00AD⟩⟨U+00A0⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\u3164\U000e0041", "⟨U+3164⟩⟨U+E0041⟩"),
        ("one\ntwo\t", "one↵two⇥"),
        ("\u0301", "◌\u0301"),
        ("a\u0301\u0302\u0303\u0304", "a\u0301\u0302\u0303⟨U+0304⟩"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
    ],
)
def test_what_cannot_be_seen_is_spelt_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_no_character_at_all_stays_unseen() -> None:
    unseen = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    for code in range(0x110000):
        if unicodedata.category(chr(code)) in unseen and chr(code) not in "\n\t":
            assert visible(chr(code)) == f"⟨U+{code:04X}⟩"

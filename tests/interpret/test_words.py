"""Words are found in the text, whatever the tokenizer does with it."""

from itertools import pairwise

import pytest
from saved_models import byte_pairs, pieces_with_spaces, word_pieces
from tokenizers import Tokenizer

from interpret.subjects.inputs.words import find_units, token_texts

TOKENIZERS = {"word pieces": word_pieces, "byte pairs": byte_pairs, "pieces with spaces": pieces_with_spaces}
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
HOSTILE = (
    "</script><b>&amp;",
    f"see {FAMILY} run \N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}!",
    "\N{RIGHT-TO-LEFT MARK}\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED}\N{LEFT-TO-RIGHT MARK} x",
    "zero\N{ZERO WIDTH SPACE}width \N{ZERO WIDTH SPACE} \N{SOFT HYPHEN}",
    "e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT} \N{COMBINING ACUTE ACCENT}",
    "tab\tnew\nline\r\n  two  spaces \N{NO-BREAK SPACE}\N{LINE SEPARATOR}x",
    "\ufeffstart \ufffd \ue000 \U0010fffd end\x07",
    "猫が寝る。ねこ",
    "[MASK] <s> <pad> ##x Ġ ▁ <0x41>",
)


def by_characters(text: str) -> list[str]:
    """Units when every character is a token: the segments themselves."""
    offsets = [(index, index + 1) for index in range(len(text))]
    return [unit.text for unit in find_units(text, offsets, [False] * len(text))]


def units_of(tokenizer: Tokenizer, text: str) -> list[tuple[str, list[str]]]:
    encoding = tokenizer.encode(text)
    special = [bool(flag) for flag in encoding.special_tokens_mask]
    shown = token_texts(text, encoding.offsets, encoding.tokens, special)
    units = find_units(text, encoding.offsets, special)
    return [(unit.text, [shown[token] for token in unit.tokens]) for unit in units]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The cat's “mat”, isn’t it?", ["The", "cat's", "“", "mat", "”", ",", "isn’t", "it", "?"]),
        ("well-known 'quote' rock'", ["well", "-", "known", "'", "quote", "'", "rock", "'"]),
        ("3.5 or 1,000. v2.0, a.b", ["3.5", "or", "1,000", ".", "v2.0", ",", "a", ".", "b"]),
        ("snake_case __ C++ $5", ["snake_case", "__", "C", "+", "+", "$", "5"]),
        ("猫はマットに", ["猫", "は", "マ", "ッ", "ト", "に"]),
        ("コーヒー、葛\U000e0100", ["コー", "ヒー", "、", "葛\U000e0100"]),
        ("ภาษา", ["ภ", "า", "ษ", "า"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("cafe\N{COMBINING ACUTE ACCENT} ok", ["cafe\N{COMBINING ACUTE ACCENT}", "ok"]),
        (f"a{FAMILY}b \N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}!", None),
        ("می\N{ZERO WIDTH NON-JOINER}خواهم \N{RIGHT-TO-LEFT MARK}שלום", None),
        ("\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}x", None),
        (" \t\n ", []),
        ("", []),
        ("\N{ZERO WIDTH SPACE}", ["\N{ZERO WIDTH SPACE}"]),
    ],
)
def test_segments(text, words):
    expected = {
        "a": ["a", FAMILY, "b", "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}", "!"],
        "م": ["می\N{ZERO WIDTH NON-JOINER}خواهم", "\N{RIGHT-TO-LEFT MARK}שלום"],
        "\N{REGIONAL INDICATOR SYMBOL LETTER D}": [text[:2], "x"],
    }
    assert by_characters(text) == (expected[text[0]] if words is None else words)


def test_plain_text_is_split_as_a_slow_reader_would():
    def slow(text):
        words, word = [], ""
        for character in text:
            if character.isalpha():
                word += character
                continue
            words += [word] if word else []
            words += [] if character == " " else [character]
            word = ""
        return words + ([word] if word else [])

    text = "Rain fell (softly, at first); then it poured! Did it? Yes: it did - all night."
    assert by_characters(text) == slow(text)


def test_word_pieces():
    assert units_of(word_pieces(), "The naïve cat, unknowable ж!") == [
        ("The", ["The"]),
        ("naïve", ["n", "a", "ï", "v", "e"]),
        ("cat", ["cat"]),
        (",", [","]),
        ("unknowable", units_of(word_pieces(), "unknowable")[0][1]),
        ("ж", ["ж"]),
        ("!", ["!"]),
    ]


def test_bytes_of_one_character_are_one_unit():
    assert units_of(byte_pairs(), "a mat 😀!") == [("a", ["a"]), ("mat", ["mat"]), ("😀", ["😀"] * 4), ("!", ["!"])]


def test_bytes_that_stand_for_unknown_characters_are_one_unit():
    units = units_of(pieces_with_spaces(), "The cat 😀 sat")
    assert [text for text, _ in units] == ["The", "cat", "😀", "sat"]
    assert units[2][1] == ["😀"] * 4


def test_segments_that_share_a_token_become_one_unit():
    text = "wait... new york!?"
    offsets = [(0, 4), (4, 7), (7, 16), (16, 18)]
    units = find_units(text, offsets, [False] * 4)
    assert [(unit.text, unit.tokens) for unit in units] == [
        ("wait", (0,)),
        ("...", (1,)),
        ("new york", (2,)),
        ("!?", (3,)),
    ]


def test_chains_of_shared_tokens_become_one_unit_in_any_order():
    offsets = [(2, 4), (1, 3), (0, 2), (4, 5)]
    units = find_units("!?!?.", offsets, [False] * 4)
    assert [(unit.text, unit.tokens) for unit in units] == [("!?!?", (0, 1, 2)), (".", (3,))]


def test_a_token_with_its_leading_space_belongs_to_the_word_after():
    units = find_units("a  b", [(0, 1), (1, 4)], [False, False])
    assert [(unit.text, unit.tokens, unit.start, unit.end) for unit in units] == [("a", (0,), 0, 1), ("b", (1,), 3, 4)]


def test_white_space_tokens_belong_to_no_unit():
    units = find_units("a \n b", [(0, 1), (1, 2), (2, 4), (4, 5)], [False] * 4)
    assert [unit.tokens for unit in units] == [(0,), (3,)]


def test_tokens_without_width():
    units = find_units("ab cd", [(0, 0), (0, 2), (2, 2), (3, 5), (5, 5)], [False] * 5)
    assert [unit.tokens for unit in units] == [(0, 1, 2), (3, 4)]


def test_left_out_tokens_are_in_no_unit():
    units = find_units("abc d", [(0, 1), (1, 3), (4, 5)], [True, False, True])
    assert [(unit.text, unit.tokens) for unit in units] == [("bc", (1,))]


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_visible_is_lost(kind, text):
    encoding = TOKENIZERS[kind]().encode(text)
    special = [bool(flag) for flag in encoding.special_tokens_mask]
    units = find_units(text, encoding.offsets, special)
    owners = [token for unit in units for token in unit.tokens]
    assert len(owners) == len(set(owners))
    for token, ((start, end), is_special) in enumerate(zip(encoding.offsets, special, strict=True)):
        visible = not is_special and bool(text[start:end].strip())
        if visible:
            assert token in owners, (encoding.tokens[token], text[start:end])
        if is_special:
            assert token not in owners
    for unit in units:
        assert unit.text == text[unit.start : unit.end] and unit.text
        assert unit.tokens == tuple(sorted(unit.tokens)) and unit.tokens
    assert all(before.end <= after.start for before, after in pairwise(units))
    assert all(token_texts(text, encoding.offsets, encoding.tokens, special))


def test_token_texts_are_parts_of_the_text_or_names():
    shown = token_texts(
        "a  bc\n", [(0, 0), (0, 1), (1, 4), (4, 5), (5, 6), (6, 6)], ["<s>", "a", "Ġb", "c", "Ċ", "<0x00>"],
        [True, False, False, False, False, False],
    )  # fmt: skip
    assert shown == ("<s>", "a", "b", "c", "\n", "<0x00>")

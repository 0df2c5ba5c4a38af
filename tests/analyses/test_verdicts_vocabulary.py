"""Replacements from vocabularies of every make, and those of words that are longer than a corpus has any."""

from collections import Counter

import pytest
import torch
from saved_models import byte_pairs, pieces_with_spaces, word_pieces
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.vocabulary import ZIPF_SHIFT, VocabularyUnigram
from interpret.subjects.inputs.example import Example, Unit

EVEN = [(number + 0.5) / 2000 for number in range(2000)]


def of_ids(*words: list[int], texts: tuple[str, ...] = ()) -> Example:
    """A text whose words have those token ids, between two tokens with number 0."""
    units, ids = [], [0]
    for number, word in enumerate(words):
        text = texts[number] if texts else "word"
        units.append(Unit(text, tuple(range(len(ids), len(ids) + len(word))), 0, 0))
        ids += word
    return Example("", torch.tensor([*ids, 0]), tuple(map(str, [*ids, 0])), tuple(units), (0, len(ids)))


def word_level(*tokens: str, special: tuple[str, ...] = ("[UNK]",)) -> Tokenizer:
    """A tokenizer of whole words, in that order."""
    tokenizer = Tokenizer(
        models.WordLevel({token: number for number, token in enumerate((*special, *tokens))}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def word_piece(*tokens: str) -> Tokenizer:
    """A WordPiece tokenizer of just these."""
    vocabulary = {token: number for number, token in enumerate(("[UNK]", "[CLS]", *tokens))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[UNK]", "[CLS]"])
    return tokenizer


def spaced(*tokens: str, byte_level: bool) -> Tokenizer:
    """A BPE tokenizer without merges of just these."""
    vocabulary = {token: number for number, token in enumerate(("<unk>", "<s>", *tokens))}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.decoder = decoders.ByteLevel() if byte_level else decoders.Metaspace()
    tokenizer.add_special_tokens(["<unk>", "<s>"])
    return tokenizer


def drawn(tokenizer: Tokenizer, token: str) -> set[str]:
    """All that can be drawn in the place of a word of one token."""
    found = VocabularyUnigram(tokenizer).draw(of_ids([tokenizer.token_to_id(token)]), 0, EVEN)
    return {str(tokenizer.id_to_token(number)) for number in found[:, 0].tolist()}


KINDS = (("the", "of", "film"), ("Film", "Paris"), ("a", "b"), ("7", "42"), (",", "."))
FIRST = [token for kind in KINDS for token in kind]


@pytest.mark.parametrize(
    ("tokenizer", "starts", "insides"),
    [
        (word_piece(*FIRST, "##ing", "##ed"), "", "##"),
        (spaced(*(f"Ġ{token}" for token in FIRST), "ing", "ed", byte_level=True), "Ġ", ""),
        (spaced(*(f"▁{token}" for token in FIRST), "ing", "ed", byte_level=False), "▁", ""),
    ],
    ids=["WordPiece", "byte-level", "SentencePiece"],
)
def test_a_token_is_replaced_by_its_kind_only(tokenizer: Tokenizer, starts: str, insides: str) -> None:
    for kind in KINDS:
        expected = {starts + token for token in kind}
        for token in expected:
            assert drawn(tokenizer, token) == expected
    assert drawn(tokenizer, f"{insides}ing") == {f"{insides}ing", f"{insides}ed"}


def test_whole_words_all_start_words() -> None:
    tokenizer = word_level("the", "Film", "of", "!", "Paris", "?", "plot")
    assert drawn(tokenizer, "plot") == {"the", "of", "plot"}
    assert drawn(tokenizer, "Film") == {"Film", "Paris"} and drawn(tokenizer, "!") == {"!", "?"}


@pytest.mark.parametrize("letter", ["Ġ", "▁"])
def test_letters_that_other_vocabularies_use_for_a_space_do_not_make_word_pieces_one_of_those(letter: str) -> None:
    """BERT's vocabulary of many languages has Maltese letters."""
    tokenizer = word_piece("the", "of", "##ing", "##ed", letter, f"##{letter}", "plot")
    assert drawn(tokenizer, "plot") == {"the", "of", "plot"}
    assert drawn(tokenizer, "##ing") == {"##ing", "##ed"}


def test_number_signs_of_markdown_do_not_make_byte_level_tokens_word_pieces() -> None:
    tokenizer = spaced("##", "###", "Ġthe", "Ġof", "Ġplot", "ing", "ed", byte_level=True)
    assert drawn(tokenizer, "Ġplot") == {"Ġthe", "Ġof", "Ġplot"} and drawn(tokenizer, "ed") == {"ing", "ed"}
    assert drawn(tokenizer, "##") == {"##", "###"}


def test_scripts_and_bytes_are_kept_apart() -> None:
    tokenizer = word_level(
        "film", "plot", "кино", "было", "猫", "犬", "ねこ", "いぬ", "٣", "7", "…", "—", "!", "?", "é"
    )
    assert drawn(tokenizer, "кино") == {"кино", "было"} and drawn(tokenizer, "猫") == {"猫", "犬"}
    assert drawn(tokenizer, "ねこ") == {"ねこ", "いぬ"} and drawn(tokenizer, "film") == {"film", "plot"}
    assert drawn(tokenizer, "7") == {"7", "٣"}  # numbers of any script
    assert drawn(tokenizer, "…") == {"…", "—"} and drawn(tokenizer, "!") == {"!", "?"}
    letters = spaced("ĠÃ©t", "ĠÃ©p", "Ġfilm", "Ã", "©", byte_level=True)
    assert drawn(letters, "ĠÃ©t") == {"ĠÃ©t", "ĠÃ©p", "Ġfilm"}  # the bytes of é are a Latin letter
    assert drawn(letters, "©") == {"Ã", "©"}  # halves of letters


def test_a_lone_member_of_its_kind_stays() -> None:
    tokenizer = word_level("film", "plot", "猫", "!")
    for token in ("猫", "!"):
        assert drawn(tokenizer, token) == {token}


@pytest.mark.parametrize("make", [word_pieces, byte_pairs, pieces_with_spaces])
def test_special_tokens_are_never_drawn_and_stay_where_they_stand(make: type) -> None:
    tokenizer = make()
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    bytes_of_a_kind = {n for token, n in tokenizer.get_vocab().items() if token.startswith("<0x")}
    source = VocabularyUnigram(tokenizer)
    reached = set()
    for number in range(tokenizer.get_vocab_size()):
        found = set(source.draw(of_ids([number]), 0, EVEN)[:, 0].tolist())
        assert found == {number} if number in special | bytes_of_a_kind else not found & (special | bytes_of_a_kind)
        assert number in found
        reached |= found
    assert len(special) >= 3 and reached == set(range(tokenizer.get_vocab_size()))


def test_tokens_that_are_special_by_name_or_by_look_are_not_drawn() -> None:
    tokenizer = word_level("film", "[MASK]", "<pad>", "plot", "[]", "<>", "[", ">")
    assert drawn(tokenizer, "film") == {"film", "plot"}
    assert drawn(tokenizer, "[MASK]") == {"[MASK]"} and drawn(tokenizer, "<pad>") == {"<pad>"}
    assert drawn(tokenizer, "[") == {"[", ">", "[]", "<>"}  # two brackets are marks
    named = word_level("film", "plot", special=("[UNK]", "endoftext"))
    assert drawn(named, "film") == {"film", "plot"} and drawn(named, "endoftext") == {"endoftext"}
    added = word_level("film", "plot")
    added.add_tokens([AddedToken("robot", special=False)])
    assert drawn(added, "film") == {"film", "plot", "robot"}


def test_tokens_are_drawn_by_zipfs_law_over_their_order_in_the_vocabulary() -> None:
    names = [f"w{'jihgfedcba'[number % 10]}{'abcdefghij'[number // 10]}" for number in range(40)]  # not by alphabet
    tokenizer = word_level("!", *names[:20], "Paris", "7", *names[20:])
    source = VocabularyUnigram(tokenizer)
    counts = Counter(source.draw(of_ids([tokenizer.token_to_id(names[7])]), 0, EVEN)[:, 0].tolist())
    shares = [1 / (rank + ZIPF_SHIFT) for rank in range(1, 41)]
    assert ZIPF_SHIFT == 2.7
    for rank, name in enumerate(names):
        expected = shares[rank] / sum(shares)
        assert counts[tokenizer.token_to_id(name)] / 2000 == pytest.approx(expected, abs=1 / 2000)
    assert sum(counts.values()) == 2000
    ends = source.draw(of_ids([tokenizer.token_to_id(names[7])]), 0, [0.0, 1 - 1e-12])[:, 0].tolist()
    assert ends == [tokenizer.token_to_id(names[0]), tokenizer.token_to_id(names[-1])]


def test_a_word_keeps_its_number_of_tokens_and_each_token_its_kind() -> None:
    tokenizer = word_pieces()
    ids = tokenizer.encode("zzyqx", add_special_tokens=False).ids
    example = of_ids([tokenizer.token_to_id("the")], ids, [tokenizer.token_to_id(",")])
    found = VocabularyUnigram(tokenizer).draw(example, 1, EVEN)
    assert found.shape == (2000, 5) and len(ids) == 5
    for place in range(5):
        tokens = {str(tokenizer.id_to_token(number)) for number in found[:, place].tolist()}
        assert len(tokens) > 20 and all(token.startswith("##") == (place > 0) for token in tokens)
        assert all(token.removeprefix("##").isalpha() for token in tokens)
    assert (found[:, 1] != found[:, 2]).any()  # the tokens of a word aren't drawn in step


def test_further_tokens_use_the_random_number_shifted_round_the_circle() -> None:
    tokenizer = word_level(*"bcdfghjklmnp")
    shares = torch.tensor([1 / (rank + 2.7) for rank in range(1, 13)], dtype=torch.float64)
    ends = (shares.cumsum(0) / shares.sum()).tolist()
    found = VocabularyUnigram(tokenizer).draw(of_ids([1, 2, 3]), 0, [0.1, 0.5, 0.9])
    for draw, number in enumerate([0.1, 0.5, 0.9]):
        for place in range(3):
            shifted = (number + place / 3) % 1
            expected = 1 + sum(shifted >= end for end in ends)  # 0 is unknown
            assert found[draw, place] == expected


def test_texts_with_other_words_keep_their_shape_and_their_special_tokens() -> None:
    tokenizer = word_pieces()
    encoding = tokenizer.encode("the rain kept falling, slow")
    units = tuple(Unit(token, (place,), 0, 0) for place, token in enumerate(encoding.tokens[1:-1], 1))
    example = Example("", torch.tensor(encoding.ids), tuple(encoding.tokens), units, (0, len(encoding.ids) - 1))
    source = VocabularyUnigram(tokenizer)
    texts = source.shuffled(example, 50, torch.Generator().manual_seed(0))
    assert texts.shape == (50, len(example.ids))
    assert (texts[:, 0] == 2).all() and (texts[:, -1] == 3).all()
    assert all(
        str(tokenizer.id_to_token(int(number))) in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" for number in texts[:, 5]
    )
    replaced = source.replaced(example, 7, 4, torch.Generator().manual_seed(0))
    for unit in range(7):
        same = [place for place in range(len(example.ids)) if unit >= len(units) or place != unit + 1]
        assert (replaced[unit][:, same] == example.ids[same]).all()
    frequency = source.frequency(example)
    assert len(frequency) == len(units) and all(each != each for each in frequency)  # isn't known


def test_a_word_longer_than_any_of_the_corpus_becomes_several_short_ones() -> None:
    """By the corpus's frequency, whatever their case; the numbers are shifted, so that they aren't all the same."""
    corpus = CorpusUnigram([of_ids([5], [5], [6], [7, 8], [9], texts=("low", "low", "other", "pair", "Upper"))])
    found = corpus.draw(of_ids([1, 2, 3]), 0, EVEN)
    assert found.shape == (2000, 3)
    for place in range(3):
        counts = Counter(found[:, place].tolist())
        assert {number: round(count / 2000, 2) for number, count in counts.items()} == {5: 0.5, 6: 0.25, 9: 0.25}
    words = torch.tensor([5, 5, 6, 9])  # each a quarter of the circle
    for number in (0.1, 0.4, 0.8):
        expected = [int(words[int(4 * ((number + place / 3) % 1))]) for place in range(3)]
        assert corpus.draw(of_ids([1, 2, 3]), 0, [number]).tolist() == [expected]


def test_where_the_shortest_words_of_a_corpus_have_two_tokens_a_longer_one_is_cut_to_length() -> None:
    corpus = CorpusUnigram([of_ids([5, 6], [7, 8])])
    found = corpus.draw(of_ids([1, 2, 3]), 0, [0.2, 0.7])
    assert found.shape == (2, 3) and all(row[:2] in ([5, 6], [7, 8]) and row[2] in (5, 7) for row in found.tolist())
    single = corpus.draw(of_ids([1]), 0, [0.2, 0.7])
    assert single.tolist() == [[5], [7]]


def test_a_long_word_is_replaced_in_its_text_at_all_its_places() -> None:
    corpus = CorpusUnigram([of_ids([5], [6])])
    example = of_ids([5], [1, 2, 3, 4], [6])
    texts = corpus.shuffled(example, 20, torch.Generator().manual_seed(0))
    assert texts.shape == (20, 8) and set(texts[:, 1:7].flatten().tolist()) == {5, 6}
    assert (texts[:, [0, 7]] == 0).all()
    assert corpus.frequency(example) == [0.5, 0.0, 0.5]

"""Reading labelled sentences, undoing the spacing of corpora, and making more texts of them."""

import sys
from types import SimpleNamespace

import pytest

from interpret.errors import InputError
from interpret.native.corpus import Sentence, more_texts, natural_spelling, read_corpus

SENTENCES = (
    Sentence("a kind , warm tale that one would n't want to end", 1),
    Sentence("it 's loud", 0),
    Sentence("two hours of nothing", 0),
)


@pytest.mark.parametrize(
    ("tokenised", "natural"),
    [
        ("it 's fun , is n't it", "it's fun, isn't it."),
        ("they 've said : `` go '' , and i 'll go !", "they've said: \"go\", and i'll go!"),
        ("the actors ' faces", "the actors' faces."),
        ("a film lrb or two rrb", "a film (or two)."),
        ("why ?", "why?"),
        ("Already natural. And long.", "Already natural. And long."),
        ("they wo n't , ca n't", "they won't, can't."),
    ],
)
def test_spacing_of_corpora_is_undone(tokenised, natural):
    assert natural_spelling(tokenised) == natural


def test_a_folder_of_tables_is_read(tmp_path):
    for name, label in (("train", 1), ("dev", 0), ("test", 2)):
        (tmp_path / f"{name}.tsv").write_text(f"tab\tin {name}\t{label}\nmore of it\t0\n")
    corpus = read_corpus(str(tmp_path))
    assert corpus.train == (Sentence("tab\tin train", 1), Sentence("more of it", 0))
    assert (corpus.dev[0].label, corpus.test[0].label) == (0, 2)
    (tmp_path / "test.tsv").unlink()
    assert read_corpus(str(tmp_path)).test == ()


@pytest.mark.parametrize("line", ["no label", "\t1", "text\tone", "text\t-1", ""])
def test_a_line_that_is_no_row_is_named(tmp_path, line):
    (tmp_path / "train.tsv").write_text(f"fine\t1\n{line}\nfine\t1\n")
    (tmp_path / "dev.tsv").write_text("fine\t1\n")
    with pytest.raises(InputError) as caught:
        read_corpus(str(tmp_path))
    assert str(caught.value) == (
        f'line 2 of {tmp_path / "train.tsv"} must be "text<TAB>label" with a whole number, not {line!r}'
    )


def test_a_missing_table_is_named(tmp_path):
    (tmp_path / "train.tsv").write_text("fine\t1\n")
    with pytest.raises(InputError) as caught:
        read_corpus(str(tmp_path))
    assert str(caught.value) == f"the data must have train.tsv and dev.tsv; {tmp_path} has no dev.tsv"


def test_the_hub_is_read_without_unpublished_labels(monkeypatch):
    rows = {
        "train": [{"sentence": "good one ", "label": 1}],
        "validation": [{"text": "bad one", "label": 0}],
        "test": [{"sentence": "who knows", "label": -1}],
    }
    asked = []
    loader = SimpleNamespace(load_dataset=lambda name: asked.append(name) or rows)
    monkeypatch.setitem(sys.modules, "datasets", loader)
    corpus = read_corpus("stanfordnlp/sst2")
    assert asked == ["stanfordnlp/sst2"]
    assert (corpus.train, corpus.dev, corpus.test) == ((Sentence("good one", 1),), (Sentence("bad one", 0),), ())


def test_without_the_package_for_the_hub_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError) as caught:
        read_corpus("stanfordnlp/sst2")
    assert str(caught.value) == (
        "stanfordnlp/sst2 is no folder here, and reading it from the Hub needs the package datasets: "
        "`pip install datasets`, or give a folder with train.tsv, dev.tsv and test.tsv"
    )


def test_pieces_are_runs_of_words_without_a_label():
    texts = [natural_spelling(sentence.text) for sentence in SENTENCES]
    made = more_texts(SENTENCES, pieces=4, joined=0, seed=0)
    pieces, crossings = made[:12], made[12:]
    for number, piece in enumerate(pieces):
        assert piece.text
        assert f" {piece.text} " in f" {texts[number // 4]} "
    assert len(crossings) == 3
    for crossing in crossings:
        assert any(crossing.text.startswith(text.split()[0]) for text in texts)
        assert any(crossing.text.endswith(text.split()[-1]) for text in texts)
    assert {piece.label for piece in made} == {None}


def test_joined_texts_are_of_one_class():
    texts = {natural_spelling(sentence.text): sentence.label for sentence in SENTENCES}
    made = more_texts(SENTENCES, pieces=0, joined=20, seed=0)
    assert len(made) == 60
    for one in made:
        rest, count = one.text, 0
        while rest:
            text = next(text for text in texts if rest.startswith(text))
            assert texts[text] == one.label
            rest, count = rest[len(text) :].strip(), count + 1
        assert 2 <= count <= 5


def test_same_seed_same_texts():
    first, again, other = (more_texts(SENTENCES, pieces=3, joined=1, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other

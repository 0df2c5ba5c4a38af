"""Rows of a study: files written byte by byte, and what is to be read from them."""

import json
import sys
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from subjects_for_tests import LinearSubject

from analyses.data_sets.matching import encoded, match_labels
from analyses.data_sets.rows import Rows, read_rows
from interpret.errors import InputError

TEXTS = ("a fine film", 'she said "no", twice', "two\nlines", "naïve – 漢字", "the end")
LABELS = ("1", "0", "1", "0", None)
CSV = (
    'id,Text,Label\n1,a fine film,1\n2,"she said ""no"", twice",0\n3,"two\nlines",1.0\n4, naïve – 漢字 ,0\n5,the end,\n'
)


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(source, **options):
    with pytest.raises(InputError) as error:
        read_rows(source, **options)
    return str(error.value)


def noted(notes):
    return {note.kind: (note.count, note.which) for note in notes}


def test_every_kind_of_file_gives_the_same_rows(tmp_path):
    columns = {"id": [1, 2, 3, 4, 5], "text": list(TEXTS), "label": [1.0, 0.0, 1.0, 0.0, None]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    lines = [
        json.dumps({"text": text, "label": label and int(label)}) for text, label in zip(TEXTS, LABELS, strict=True)
    ]
    files = [
        written(tmp_path, "a.csv", CSV),
        written(tmp_path, "bom.csv", b"\xef\xbb\xbf" + CSV.encode()),
        written(tmp_path, "a.CSV", CSV.replace("\n", "\r\n").replace("two\r\n", "two\n")),
        written(tmp_path, "a.tsv", CSV.replace('no"", twice', 'no""; twice').replace(",", "\t").replace("; ", ", ")),
        written(tmp_path, "a.jsonl", "\n".join(lines)),
        written(tmp_path, "a.ndjson", "\r\n".join(lines) + "\r\n\r\n"),
        tmp_path / "a.parquet",
    ]
    for path in files:
        rows = read_rows(path)
        assert (rows.texts, rows.labels, rows.numbers) == (TEXTS, LABELS, (1, 2, 3, 4, 5)), path
        assert noted(rows.notes) == {"missing label": (1, (5,))}, path
    assert len({read_rows(path).sha256() for path in files}) == 1


def test_sst2_as_it_is_has_no_header(tmp_path):
    content = "one long string of cliches\t0\na stirring , funny film\t1\nno yuks\t0\n' '' quotes \" of a kind\t1\n"
    for options in ({}, {"text_column": "0", "label_column": "1"}):
        rows = read_rows(written(tmp_path, "dev.tsv", content), **options)
        assert rows.texts == tuple(line.split("\t")[0] for line in content.splitlines())
        assert rows.labels == ("0", "1", "0", "1")
        assert rows.numbers == (1, 2, 3, 4)
    assert [note.text for note in read_rows(tmp_path / "dev.tsv").notes] == [
        "The file has no header that was recognised; its columns are 0, 1.",
        "Column '0' was taken for the text: its mean length is the largest.",
        "Column '1' was taken for the label.",
    ]


def test_sst2_whole(shared):
    path = shared / "data" / "sst2" / "dev.tsv"
    lines = [line.rsplit("\t", 1) for line in path.read_text().splitlines()]
    rows = read_rows(path)
    first = dict(reversed([(text.strip(), label) for text, label in lines]))
    assert dict(zip(rows.texts, rows.labels, strict=True)) == first
    assert len(rows.texts) == len(first)


def test_a_name_that_is_a_value_is_no_header(tmp_path):
    rows = read_rows(written(tmp_path, "a.csv", "a fine film,y\na dull one,n\nnot again,n\nwell done,y\n"))
    assert rows.labels == ("y", "n", "n", "y")


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("content,1\nbad,0\nboring,0\n", 3),  # a first text that could be a name, beside a number
        ("input,pos\nbad film,neg\ngood film,pos\n", 3),  # beside a label that comes again
        ("a fine film,y\na dull one,n\nnot again,n\n", 3),  # a label that could be a name, once
        ("content,y\nbad,n\ngood,n\n", 3),  # both
        ("text,label\ntext,1\ngood,0\nbad,0\n", 3),  # names, one of which is a text as well
        ("text,2019,y\ngood film,3,1\nbad film,4,0\n", 2),  # names, one of which is a number
        ("id,text\n1,good film\n2,bad film\n", 2),
    ],
)
def test_a_first_row_of_values_is_no_header(tmp_path, content, count):
    assert len(read_rows(written(tmp_path, "a.csv", content)).texts) == count


def test_a_number_that_is_a_label_names_no_column(tmp_path):
    path = written(tmp_path, "a.csv", "good film,1\nbad film,0\ndull film,0\n")
    rows = read_rows(path, text_column="0", label_column="1")
    assert (rows.texts, rows.labels) == (("good film", "bad film", "dull film"), ("1", "0", "0"))
    path = written(tmp_path, "b.csv", "0,1\ngood film,1\nbad film,0\n")
    assert read_rows(path, text_column="0").texts == ("good film", "bad film")


def test_a_text_that_comes_again_is_not_taken_for_a_label(tmp_path):
    rows = read_rows(written(tmp_path, "a.tsv", "a fine film\t1\na dull film\t0\na dull film\t0\na fine film\t1\n"))
    assert (rows.texts, rows.labels) == (("a fine film", "a dull film"), ("1", "0"))


def test_two_columns_that_could_be_the_label_are_none(tmp_path):
    rows = read_rows(written(tmp_path, "a.tsv", "one film\t1\tx\nanother film\t0\ty\nlast film\t0\tx\nno film\t1\ty\n"))
    assert rows.labels == (None,) * 4
    assert rows.notes[-1].text == (
        "No column was recognised as the label, so nothing is said about right and wrong decisions."
    )


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", "text\none\ntwo\n"), ("a.jsonl", '{"text": "one"}\n{"text": "two"}')]
)
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path, name, content):
    assert read_rows(written(tmp_path, name, "\ufeff" + content), text_column="text").texts == ("one", "two")


def test_a_cell_may_be_long(tmp_path):
    long = "word " * 60_000 + "end"
    assert read_rows(written(tmp_path, "a.csv", f"text,label\n{long},1\nshort,0\n")).texts == (long, "short")


def test_columns_are_those_that_were_asked_for(tmp_path):
    path = written(tmp_path, "a.csv", "text,comment,stars\nx,good film,5\ny,bad film,1\n")
    rows = read_rows(path, text_column="comment", label_column="stars")
    assert (rows.texts, rows.labels) == (("good film", "bad film"), ("5", "1"))


def test_quotes_of_a_tsv_file_without_quoting_are_characters(tmp_path):
    rows = read_rows(written(tmp_path, "a.tsv", 'text\tlabel\n" open quote\t1\n"and" then more\t0\n'))
    assert rows.texts == ('" open quote', '"and" then more')
    assert rows.notes[0].text == "Quotes don't enclose cells in this file, so they were read as characters."


def test_encodings_are_told_row_by_row(tmp_path):
    content = (
        b"text,label\ncaf\xe9 noir,1\ncaf\xc3\xa9 blanc,0\n\x93quoted\x94,1\nbad \x81\xff,0\nnul \x00 here,1\nplain,0\n"
    )
    for name, raw in (("a.csv", content), ("a.jsonl", None)):
        if raw is None:
            rows = [line.split(b",")[0].replace(b"\x00", b"\\u0000") for line in content.splitlines()[1:]]
            raw = b"\n".join(b'{"text": "' + row + b'"}' for row in rows)
        rows = read_rows(written(tmp_path, name, raw))
        assert rows.texts == ("café noir", "café blanc", "“quoted”", "plain")
        found = noted(rows.notes)
        assert found["mixed encodings"] == (2, (1, 3))
        assert found["unreadable characters"] == (2, (4, 5))


def test_half_a_character_is_unreadable(tmp_path):
    rows = read_rows(written(tmp_path, "a.jsonl", '{"text": "a \\ud800 b"}\n{"text": "one"}\n{"text": "two"}'))
    assert noted(rows.notes)["unreadable characters"] == (1, (1,))
    assert rows.numbers == (2, 3)


def test_rows_that_are_left_out_are_counted(tmp_path):
    content = "text,label\n,1\nsame text,1\n\nsame text,0\nsame text,1\nother,a,b\nalone\n   ,0\nlast one,\nmore,0\n"
    rows = read_rows(written(tmp_path, "a.csv", content))
    assert (rows.texts, rows.labels, rows.numbers) == (
        ("same text", "last one", "more"),
        ("1", None, "0"),
        (2, 9, 10),
    )
    assert noted(rows.notes) == {
        "empty": (3, (1, 3, 8)),
        "ragged": (2, (6, 7)),
        "duplicate": (2, (4, 5)),
        "conflicting labels": (1, (4,)),
        "missing label": (1, (9,)),
    }
    assert [note.text for note in rows.notes] == [
        "3 rows without a text: left out.",
        "2 rows with more or fewer cells than there are columns: left out.",
        "2 rows with the text of an earlier row: left out.",
        "1 row with the text of an earlier row but another label: the first label was kept.",
        "1 row without a label: studied, but not counted as right or wrong.",
    ]


def test_a_note_names_ten_rows(tmp_path):
    rows = read_rows(written(tmp_path, "a.csv", "text\n" + '""\n' * 30 + "one\ntwo\n"))
    assert noted(rows.notes)["empty"] == (30, tuple(range(1, 11)))


def test_a_limit_draws_at_random_in_order(tmp_path):
    path = written(tmp_path, "a.csv", "text,label\n" + "".join(f"text {number},1\n" for number in range(1, 201)))
    samples = {seed: read_rows(path, limit=50, seed=seed) for seed in range(40)}
    for rows in samples.values():
        assert rows.texts == tuple(f"text {number}" for number in rows.numbers)
        assert list(rows.numbers) == sorted(set(rows.numbers)) and len(rows.numbers) == 50
    assert samples[3] == read_rows(path, limit=50, seed=3)
    assert set(samples[3].numbers) < set(read_rows(path, limit=80, seed=3).numbers)
    means = [sum(rows.numbers) / 50 for rows in samples.values()]
    assert abs(sum(means) / 40 - 100.5) < 4  # of a mean of 40 such samples, the standard deviation is 1.1
    assert samples[0].notes[-1].text == "50 of 200 rows were drawn at random (seed 0)."
    assert read_rows(path, limit=200).notes == ()


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.csv", "", {}, "{} is empty; give a data set with a text in each row"),
        ("a.csv", "text,label\nx,1\n", {}, "{} has 1 row that can be used; a study needs at least 2, and a verdict 50"),
        (
            "a.csv",
            "text,label\n,1\n,0\na,b,c\n",
            {},
            "{} has no rows that can be used (empty: 2; ragged: 1); a study needs at least 2, and a verdict 50",
        ),
        (
            "a.csv",
            "comment,label\nx,1\ny,0\n",
            {},
            "{} has no column named like a text (text, sentence, review, content, document, input); "
            "name one with --text-column: 'comment', 'label'",
        ),
        (
            "a.csv",
            "text,label\nx,1\ny,0\n",
            {"text_column": "body"},
            "{} has no column 'body'; its columns are 'text', 'label'",
        ),
        (
            "a.csv",
            "text,text\nx,1\ny,0\n",
            {"text_column": "text"},
            "{} has 2 columns 'text'; give each a name of its own",
        ),
        (
            "a.csv",
            "text,label\nx,1\ny,0\n",
            {"text_column": "label"},
            "column 'label' of {} is no text: it has numbers only; give the name of the text column",
        ),
        (
            "a.csv",
            "text,label\nx,1\ny,0\n",
            {"text_column": "text", "label_column": "text"},
            "column 'text' of {} can't be both the text and the label; give two columns",
        ),
        (
            "a.csv",
            'text,label\nx,1\n"y"z,0\n',
            {},
            "{} breaks the rules of CSV in the row that ends at line 3 (',' expected after '\"'); "
            'inside quotes a quote is written twice: "she said ""no"""',
        ),
        (
            "a.csv",
            'text,label\nx,1\n"y,0\nz,1\n',
            {},
            "{} breaks the rules of CSV in the row that ends at line 4 (unexpected end of data); "
            'inside quotes a quote is written twice: "she said ""no"""',
        ),
        ("a.csv", "text\nx\ny\n".encode("utf-16"), {}, "{} is UTF-16 text; save it as UTF-8"),
        (
            "a.jsonl",
            '{"text": "x"}\n\n{"text": \n',
            {},
            "line 3 of {} isn't JSON (Expecting value: line 1 column 10 (char 9)); mend or remove it",
        ),
        (
            "a.jsonl",
            '{"text": "x"}\n["y"]\n',
            {},
            'line 2 of {} is JSON but no object; each line has to look like {{"text": "...", "label": "..."}}',
        ),
        (
            "a.jsonl",
            '{"text": "x"}\n{"text": 5}\n',
            {},
            "column 'text' of {} is no text: row 2 has int; give the name of the text column",
        ),
        (
            "a.jsonl",
            '{"text": "x", "label": 1}\n{"text": "y", "label": [1]}\n',
            {},
            "column 'label' of {} has no labels: row 2 has list; give a column with one name or number in each row",
        ),
        (
            "a.txt",
            "x\ny\n",
            {},
            "{} is of no kind that can be read by its name; give one of .csv, .tsv, .jsonl, .ndjson, .parquet",
        ),
        (
            "a.csv",
            "text\nx\ny\n",
            {"split": "test"},
            "a split was asked for, but {} is one file; leave out the split, or give another file",
        ),
        ("a.csv", "text\nx\ny\n", {"limit": 1}, "the limit is 1, but a study needs at least 2 rows; give more"),
    ],
)
def test_what_can_not_be_read_is_one_line(tmp_path, name, content, options, message):
    path = written(tmp_path, name, content)
    assert refusal(path, **options) == message.format(path)


def test_a_damaged_parquet_file_is_one_line(tmp_path):
    pq.write_table(pa.table({"text": [f"text {number}" for number in range(999)]}), tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    for damaged in (b"", content[:500], b"text,label\n" * 9, content[:60] + bytes(200) + content[260:]):
        text = refusal(written(tmp_path, "b.parquet", damaged))
        assert text.startswith(f"{tmp_path / 'b.parquet'} can't be read as Parquet (")
        assert text.endswith("); write it again") and "\n" not in text


def test_columns_of_parquet_are_found_by_their_whole_name(tmp_path):
    inner = pa.array([{"b": "wrong"}, {"b": "wrong too"}])
    table = pa.table({"a": inner, "a.b": ["right", "right too"], "label": pa.array(["x", "y"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "a.parquet")
    rows = read_rows(tmp_path / "a.parquet", text_column="a.b")
    assert (rows.texts, rows.labels) == (("right", "right too"), ("x", "y"))


def test_a_file_that_is_not_there_is_no_data_set_of_the_hub(tmp_path):
    assert refusal("nowhere.csv") == "there is no file nowhere.csv; check the name and the folder"
    assert refusal(tmp_path / "x" / "y") == f"there is no file {tmp_path / 'x' / 'y'}; check the name and the folder"
    assert refusal(tmp_path) == (f"{tmp_path} is a folder; give one file of it (.csv, .tsv, .jsonl, .ndjson, .parquet)")


def test_without_the_package_for_the_hub_a_file_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert refusal("someone/reviews") == (
        "there is no file someone/reviews, and reading a data set of that name from the Hub needs the package "
        "datasets: `pip install datasets`, or give a file (.csv, .tsv, .jsonl, .ndjson, .parquet)"
    )


class Part(dict):
    """What the package datasets gives for a split, as far as it is used."""

    column_names = property(list)


def test_a_data_set_of_the_hub_is_read_by_its_split(monkeypatch):
    parts = {split: Part(sentence=[f"{split} one", f"{split} two"], label=[0, 1]) for split in ("train", "validation")}
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=lambda name: parts))
    assert read_rows("someone/reviews").texts == ("validation one", "validation two")
    assert read_rows("someone/reviews").notes[0].text == (
        "The split 'validation' was taken; the data set has train, validation."
    )
    rows = read_rows("someone/reviews", split="train")
    assert (rows.texts, rows.labels, rows.notes) == (("train one", "train two"), ("0", "1"), ())
    assert refusal("someone/reviews", split="tset") == ("someone/reviews has no split 'tset'; it has train, validation")


def test_a_hub_that_does_not_answer_is_one_line(monkeypatch):
    def offline(name):
        raise ConnectionError("no route\nto the hub")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=offline))
    assert refusal("reviews") == (
        "reviews is neither a file here nor a data set that the Hugging Face Hub gave (ConnectionError: no route); "
        "check the spelling, or download it and give a file"
    )


def rows_of(*pairs):
    texts, labels = zip(*pairs, strict=True)
    return Rows(texts, labels, tuple(range(11, 11 + len(pairs))), ())


def test_labels_become_those_of_the_model(bert):
    names = [bert.label(0), bert.label(1)]
    rows = rows_of(("a", "1"), ("b", names[0].upper()), ("c", None), ("d", "7"), ("e", "{}"))
    matched, notes = match_labels(rows, bert)
    assert matched.labels == (names[1], names[0], None, None, None)
    assert matched.texts == rows.texts
    assert [(note.kind, note.count, note.which, note.text) for note in notes] == [
        (
            "unknown label",
            2,
            (14, 15),
            "2 rows with a label that the model doesn't have ('7', '{}'): taken as without a label.",
        ),
        (
            "label numbers",
            1,
            (11,),
            f"The labels of 1 row are numbers and were taken for the model's, which count from 0: 1 = {names[1]}.",
        ),
    ]
    assert match_labels(rows_of(("a", None), ("b", None)), bert)[1] == ()


def test_labels_that_are_all_strange_are_refused():
    with pytest.raises(InputError) as error:
        match_labels(rows_of(("a", "happy"), ("b", "sad"), ("c", None)), LinearSubject())
    assert str(error.value) == (
        "none of the labels of the data ('happy', 'sad') is one of the model's: there is no label 'happy'; "
        "give the column whose values are the model's labels, or data without labels"
    )


def test_rows_that_the_model_can_not_read_are_left_out(bert):
    long = "the plot " * bert.longest
    rows = rows_of(("the plot drags", "0"), (long, "1"), ("film", "0"), ("nul \0 here", "1"), ("a warm film", None))
    examples, kept, notes = encoded(rows, bert)
    assert [example.text for example in examples] == list(kept.texts) == ["the plot drags", "a warm film"]
    assert (kept.labels, kept.numbers) == (("0", None), (11, 15))
    assert noted(notes) == {"too long": (1, (12,)), "too few words": (1, (13,)), "refused": (1, (14,))}
    assert [note.text for note in notes] == [
        f"1 row left out: longer than the model's {bert.longest} tokens.",
        "1 row left out: fewer than two words that could be ranked.",
        "1 row left out: the model can't read them. The first: "
        "the text has a NUL character at position 4; take it out.",
    ]


def test_a_model_that_reads_fewer_than_two_rows_is_refused(bert):
    with pytest.raises(InputError) as error:
        encoded(rows_of(("the plot drags", "0"), ("film", "1")), bert)
    assert str(error.value) == (
        "the data set has 1 row that can be used (too few words: 1); a study needs at least 2, and a verdict 50"
    )

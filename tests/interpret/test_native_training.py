"""The training script from end to end, on a few sentences made up here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from interpret import native
from interpret.errors import InputError
from interpret.native.corpus import teacher_logits
from interpret.native.training import main
from interpret.native.vocabulary import SPECIAL, word_pieces

GOOD, BAD = ("lovely", "bright", "tender", "witty"), ("dreary", "clumsy", "noisy", "stale")
THINGS = ("tale", "plot", "cast", "song", "scene", "ending")
TINY = [
    *("--hidden", "16", "--layers", "1", "--heads", "2", "--inner", "16", "--positions", "64"),
    *("--dropout", "0", "--rate", "0.01", "--epochs", "3"),
]


def sentences(things: tuple[str, ...]) -> str:
    rows = [(f"the {thing} is {word} , is n't it", 1) for thing in things for word in GOOD]
    rows += [(f"what a {word} {thing}", 0) for thing in things for word in BAD]
    return "".join(f"{text}\t{label}\n" for text, label in rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name, things, times in (("train", THINGS, 6), ("dev", THINGS[:2], 1), ("test", THINGS[2:], 1)):
        (tmp_path / "data" / f"{name}.tsv").write_text(times * sentences(things))
    return tmp_path / "data"


@pytest.fixture
def larger(tmp_path: Path) -> Path:
    """A tiny BERT that stands for a larger one, as teacher and as encoder; its labels are in another order."""
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = (
        *SPECIAL,
        *letters,
        *(f"##{letter}" for letter in letters),
        *GOOD,
        *BAD,
        *THINGS,
        "the",
        "is",
        ",",
        ".",
        "'",
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=20,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=20,
        id2label={0: "POSITIVE", 1: "NEGATIVE"},
        label2id={"POSITIVE": 0, "NEGATIVE": 1},
    )
    BertForSequenceClassification(config).save_pretrained(tmp_path / "larger")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=word_pieces(pieces), pad_token="[PAD]", mask_token="[MASK]")
    tokenizer.save_pretrained(tmp_path / "larger")
    return tmp_path / "larger"


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_script_runs_as_the_manual_says(data, tmp_path):
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "interpret.native.training",
        "--data",
        data,
        "--out",
        tmp_path / "out",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(native.__file__).parents[2])}
    result = subprocess.run([*command, *TINY], capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    reached = json.loads(result.stdout)
    assert list(reached) == ["dev", "dev, 30% of words hidden", "test", "test, 30% of words hidden"]
    assert reached["dev"] > 0.75
    assert reached["dev"] >= reached["dev, 30% of words hidden"] >= 0.5
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [f"epoch {n} of 3" for n in (1, 2, 3)]
    trained = native.load(tmp_path / "out")
    assert trained.model.config.labels == ("negative", "positive")
    ids = torch.tensor([trained.tokenizer.encode("The TALE is WITTY, isn't it?").ids])
    assert trained.model(input_ids=ids).logits.argmax() == 1
    assert {weight.dtype for weight in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.float16}


def test_same_seed_same_model(data, tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert run("--data", data, "--out", tmp_path / name, "--seed", seed, *TINY)[0] == 0
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside transformers
def test_teacher_and_encoder_are_used(data, larger, tmp_path):
    code, stdout, stderr = run(
        *("--data", data, "--out", tmp_path / "out", "--teacher", larger, "--encoder", larger, "--pieces", 2),
        *("--vocabulary", 80, *TINY),
    )
    assert code == 0, stderr
    trained = native.load(tmp_path / "out")
    assert "lovely" in trained.tokenizer.get_vocab()
    assert trained.model.config.vocabulary == len(trained.tokenizer.get_vocab()) <= 80
    assert json.loads(stdout)["dev"] >= 0


def test_a_teachers_answers_come_in_the_order_of_our_labels(larger):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    texts = ["a witty tale", "the noisy cast is stale . the noisy cast is stale .", "song"]
    scores = teacher_logits(str(larger), texts, ("negative", "positive"), longest=12)
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(larger), AutoTokenizer.from_pretrained(larger)
    for text, row in zip(texts, scores, strict=True):
        logits = model.eval()(**tokenizer(text, return_tensors="pt", truncation=True, max_length=12)).logits[0]
        torch.testing.assert_close(row, logits.flip(0), rtol=0, atol=1e-5)


def test_a_teacher_of_other_labels_is_refused(larger):
    with pytest.raises(InputError) as caught:
        teacher_logits(str(larger), ["song"], ("sad", "glad"), longest=8)
    assert str(caught.value) == (
        f"the teacher must know the labels ['sad', 'glad'], but {larger} has ['negative', 'positive']"
    )


def test_a_folder_that_is_no_teacher_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        teacher_logits(str(tmp_path), ["song"], ("sad", "glad"), longest=8)
    assert str(caught.value).startswith(f"{tmp_path} can't be loaded as a teacher: ")
    assert "\n" not in str(caught.value)


def test_bad_input_ends_with_one_line_and_code_2(data, tmp_path):
    out = tmp_path / "out"
    classes = (
        "the data must have train and dev sentences of 3 classes, named by --labels, but it has 288 and 16, "
        "of classes up to number 5"
    )
    (data / "test.tsv").write_text("odd\t5\n")
    for arguments, message in (
        (("--data", tmp_path, "--out", out), f"the data must have train.tsv and dev.tsv; {tmp_path} has no train.tsv"),
        (("--data", data, "--out", out, "--labels", "a,b,c"), classes),
        (("--data", data, "--out", out, "--layers", 0), "layers must be a whole number from 1 to 16777216, not 0"),
    ):
        assert run(*arguments) == (2, "", f"error: {message}\n")
    assert not out.exists()

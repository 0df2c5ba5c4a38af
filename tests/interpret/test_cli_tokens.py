"""Several tokens on the command line: what they give, and which options don't go together."""

import json
import re

import pytest
from click.testing import CliRunner
from saved_models import byte_pairs, random_model, save_tokenizer
from transformers import PreTrainedTokenizerFast

from interpret.cli import main
from interpret.subjects.inputs.chat import UNUSED

TEXT = "The cat sat on the mat while"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        return CliRunner().invoke(main, ["analyze", *map(str, arguments)])

    return invoke


@pytest.fixture(scope="module")
def talker(tmp_path_factory):
    """A language model with a chat template."""
    folder = tmp_path_factory.mktemp("talker")
    random_model("causal", "llama", byte_pairs()).save_pretrained(folder)
    save_tokenizer(folder, byte_pairs(), pad_token="<pad>", eos_token="<end>")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.chat_template = "{% for m in messages %}<s>{{ m['content'] }}<end>{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


def error_of(result):
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    return result.stderr.splitlines()[-1].removeprefix("Error: ")


def test_what_follows_gives_a_report_and_a_line_for_each_token(run, saved, tmp_path):
    result = run(TEXT, "--continuation", "the rain", "--no-verdict", "--model", saved / "llama", "--json", "all.json")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    found = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert lines[0] == f"{len(found['steps'])} tokens, given" and lines[-1] == "report     report.html"
    assert lines[1].split()[:4] == ["token", "probability", "margin", "attention"]
    assert [line.split()[0] for line in lines[2:4]] == ["the", "rain"]
    assert all("not tested" in line for line in lines[2:-2]) and lines[-2].startswith("took ")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert found["schema"] == "interpret-attention/steps/2"
    assert "--continuation 'the rain' --no-verdict" in found["run"]["command"]


def test_what_the_model_writes_is_judged(run, saved):
    result = run(TEXT, "--generate", 1, "--model", saved / "gpt2", "--json", "-")
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and found["generated"] and len(found["steps"]) == 1
    assert found["steps"][0]["verdict"]["answer"] in ("supported", "not supported", "inconclusive")


def test_a_message_is_read_in_its_template(run, talker):
    arguments = (TEXT, "--generate", 2, "--no-verdict", "--model", talker, "--json", "-")
    plain, chat = run(*arguments), run(*arguments, "--chat", "--system", "the rain")
    assert plain.stderr == f"{UNUSED}\n" and UNUSED in json.loads(plain.stdout)["caveats"]
    assert chat.stderr == "" and UNUSED not in json.loads(chat.stdout)["caveats"]
    found = json.loads(chat.stdout)
    assert found["text"].startswith(f"<s>the rain<end><s>{TEXT}<end>")
    assert [part["name"] for part in found["parts"]] == ["message in its chat template", "answer"]
    one = run(TEXT, "--chat", "--quick", "--model", talker, "--json", "-")
    assert json.loads(one.stdout)["text"] == f"<s>{TEXT}<end>" and one.stderr == ""


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ("--generate", 3, "--continuation", "x"),
            "--continuation gives what follows, so --generate has nothing to write; use one of them",
        ),
        (
            ("--generate", 3, "--position", 2),
            "--position N is about one token, and several are asked for; leave it out",
        ),
        (
            ("--generate", 3, "--target", "x"),
            "--target is about one decision, and several tokens are explained; give the tokens by --continuation or "
            "--target-text",
        ),
        (
            ("--generate", 3, "--figures", "x"),
            "--figures are made of one decision, and several tokens are explained; leave it out",
        ),
        (
            ("--generate", 3, "--thorough"),
            "--thorough sets random orders and search steps, which several tokens don't use; leave it out, or save "
            "time with --no-verdict",
        ),
        (
            ("--no-verdict",),
            "--no-verdict is for several tokens; add --generate, --continuation or --position all",
        ),
        (("--generate", 0), "Invalid value for '--generate': 0 is not in the range x>=1; see interpret analyze --help"),
        (
            ("--position", "first"),
            "Invalid value for '--position': 'first' is neither a number from 1 on nor 'all'; "
            "see interpret analyze --help",
        ),
        (("--position", "all"), "LLAMA is for text-generation, which writes no target, so --position means nothing"),
        (
            ("--target-text", "x", "--generate", 3),
            "LLAMA is for text-generation, which takes --continuation, not --target-text",
        ),
        (("--continuation", ""), "what follows the text is empty; give at least one word"),
        *(
            (("--generate", 1, "--eraser", "mask", *plan), "LLAMA can remove words by delete, not by 'mask'")
            for plan in ((), ("--plan",))
        ),
        (("--chat",), "LLAMA has no chat template, so it reads no messages; leave --chat out"),
        (("--system", "x"), "a system text is for chats only; add --chat (chat=True in Python), or leave it out"),
    ],
)
def test_what_does_not_go_together(run, saved, tmp_path, options, complaint):
    wanted = complaint.replace("LLAMA", str(saved / "llama"))
    assert error_of(run(TEXT, "--model", saved / "llama", *options)) == wanted
    assert list(tmp_path.iterdir()) == []


def test_models_that_write_nothing(run, saved):
    refused = f"{saved / 'bert'} is for text-classification, which"
    assert error_of(run(TEXT, "--model", saved / "bert", "--generate", 3)) == (
        f"{refused} writes no tokens; give a language model or a translator"
    )
    assert (
        error_of(run(TEXT, "--model", saved / "bert", "--chat"))
        == f"{refused} answers no messages, so --chat means nothing"
    )
    wanted = re.escape(f"{refused} takes --pair, not --continuation")
    assert re.fullmatch(wanted, error_of(run(TEXT, "--model", saved / "bert", "--continuation", "x")))


def test_every_token_of_a_translation(run, shared, tmp_path):
    model = shared / "models" / "marian-multi30k-en-de"
    result = run("two dogs .", "--position", "all", "--no-verdict", "--model", model)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].endswith("tokens, written by the model")
    assert "zwei" in result.stdout and (tmp_path / "report.html").is_file()

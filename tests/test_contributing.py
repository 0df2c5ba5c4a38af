"""CONTRIBUTING says what is true: its example is a whole task in one short file, and everything works with it."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from saved_models import random_model, save_tokenizer, word_pieces

import interpret
from analyses import analyze, unregister
from interpret.cli import main
from interpret.errors import InputError
from interpret.subjects.tasks import TASKS
from reports.analysis.page import render

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEXT = "The cat sat on the [MASK]."
LONGEST = 149  # lines of a new task: under 150


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def plain(tmp_path):
    model = random_model("filling", "bert", word_pieces())
    model.save_pretrained(tmp_path / "bert")
    save_tokenizer(tmp_path / "bert", word_pieces(), mask_token="[MASK]")
    return model


@pytest.fixture
def new_task(tmp_path, monkeypatch):
    """The example as a file outside the package, registered as the text says."""
    _, source, registering = blocks("python")
    file = tmp_path / "filling_blanks.py"
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("filling_blanks", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "filling_blanks", module)
    spec.loader.exec_module(module)
    monkeypatch.setitem(TASKS, module.FillMask.task, None)  # taken out again afterwards
    exec(registering, {"FillMask": module.FillMask})
    assert TASKS["fill-mask"] is module.FillMask


def test_a_new_method_is_in_analyses_of_every_kind_of_model(saved):
    exec(blocks("python")[0], {})
    try:
        for name in ("bert", "llama"):
            subject = interpret.load(saved / name)
            found = analyze(subject, "The cat sat on the mat", effort="quick", methods=["halved vectors"])
            judged, halved = found.maps
            assert (judged.method, halved.method) == ("last-layer attention", "halved vectors")
            assert "halved vectors" in render(found.to_dict())
            word, example = found.example.units[0], found.example
            with torch.no_grad():
                table = subject.model.get_input_embeddings()
                vectors = table(example.ids[None])
                vectors[0, list(word.tokens)] *= 0.5
                logits = subject.model(inputs_embeds=vectors).logits[0]
            logits = logits[-1] if name == "llama" else logits
            others = torch.cat([logits[: found.decision.target], logits[found.decision.target + 1 :]])
            fall = found.decision.margin - float(logits[found.decision.target] - others.max())
            assert float(halved.scores[0]) == pytest.approx(fall, abs=1e-4)
    finally:
        unregister("halved vectors")


def scores_of_the_blank(plain, text):
    ids = torch.tensor([word_pieces().encode(text).ids])
    with torch.no_grad():
        return plain(input_ids=ids).logits[0, ids[0].tolist().index(word_pieces().token_to_id("[MASK]"))]


def test_a_new_task_is_one_short_file():
    source = blocks("python")[1]
    assert source.startswith('"""') and len(source.splitlines()) <= LONGEST
    tagging = len((ROOT / "interpret" / "subjects" / "tasks" / "tagging.py").read_text(encoding="utf-8").splitlines())
    assert tagging <= LONGEST and f"is one in {tagging} lines" in GUIDE


def test_the_decision_of_the_new_task_is_the_models_own(plain, new_task, tmp_path):
    subject = interpret.load(tmp_path / "bert")
    example = subject.encode(TEXT)
    decision = subject.about(example, None).decide(example)
    scores = scores_of_the_blank(plain, TEXT)
    assert decision.target == int(scores.argmax())
    assert decision.probability == pytest.approx(float(scores.softmax(0).max()), abs=1e-6)
    assert [unit.text for unit in example.units] == ["The", "cat", "sat", "on", "the", "."]
    assert TEXT[slice(*decision.place)] == "[MASK]"


def test_another_word_that_is_masked_leaves_the_blank_where_it_is(plain, new_task, tmp_path):
    subject = interpret.load(tmp_path / "bert")
    example = subject.encode(TEXT)
    cat = torch.tensor([[unit.text == "cat" for unit in example.units]])
    found = subject.about(example, None).erase(example, cat, target=20, eraser="mask")
    ids = torch.tensor([word_pieces().encode("The [MASK] sat on the [MASK].").ids])
    with torch.no_grad():
        scores = plain(input_ids=ids).logits[0, 6]
    assert found.probability.item() == pytest.approx(float(scores.softmax(0)[20]), abs=1e-6)


def test_every_command_for_one_text_works_with_it(plain, new_task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    likeliest = word_pieces().id_to_token(int(scores_of_the_blank(plain, TEXT).argmax()))
    result = CliRunner().invoke(main, ["analyze", TEXT, "--model", "bert", "--quick"])
    assert result.exit_code == 0, result.output
    assert result.stdout.split()[:2] == ["decision", likeliest]
    assert "[MASK]" in (tmp_path / "report.html").read_text(encoding="utf-8")
    examined = CliRunner().invoke(main, ["doctor", "bert"])
    assert examined.exit_code == 0 and "BertForMaskedLM (bert), for fill-mask" in examined.stdout


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        ("The cat sat.", None, "the text must have one blank, [MASK], and has 0"),
        ("The [MASK] cat [MASK].", None, "the text must have one blank, [MASK], and has 2"),
        (TEXT, "zebra", "the target 'zebra' must be exactly one token of"),
    ],
)
def test_what_it_cant_use_is_refused(plain, new_task, tmp_path, text, target, says):
    subject = interpret.load(tmp_path / "bert")
    with pytest.raises(InputError) as refused:
        example = subject.encode(text)
        subject.about(example, target).decide(example, target)
    assert str(refused.value).startswith(says)


def test_commands_and_files_that_the_guide_names_are_there():
    for command in re.findall(r"interpret (\w+) ", " ".join(blocks("bash"))):
        assert command in main.commands
    for path in re.findall(r"`((?:interpret|tests|reports)/[\w/]+\.(?:py|md))`", GUIDE):
        assert (ROOT / path).exists() or path.endswith("filling_blanks.py"), path


def test_the_readme_leads_to_the_guide():
    assert "(CONTRIBUTING.md)" in (ROOT / "README.md").read_text(encoding="utf-8")

"""Results of several recordings keep the example axis: each is that of its recording, NaN after a shorter text."""

import pytest
import torch
from subjects_for_tests import tiny_bert, tiny_llama

import analyses
import interpret
from analyses.results.plain_data import equal_tensors
from interpret.errors import InputError

TEXTS = ("the film is warm", "the cast is not very clever but the plot is slow", "the end drags")


@pytest.fixture(scope="module")
def subject():
    return interpret.load()


@pytest.fixture(scope="module")
def examples(subject):
    return [subject.encode(text) for text in TEXTS]


@pytest.fixture(scope="module")
def records(subject, examples):
    return tuple(subject.record(example)[0] for example in examples)


def analysed(examples):
    readouts = [torch.eye(len(example.ids))[:1] for example in examples]
    separators = [example.separators for example in examples]
    return {
        "entropy": (analyses.attention_entropy, [{}] * 3, {}),
        "received": (analyses.attention_received, [{}] * 3, {}),
        "patterns": (
            analyses.attention_patterns,
            [{"separators": each} for each in separators],
            {"separators": separators},
        ),
        "rollout": (analyses.attention_rollout, [{"residual": 0.25}] * 3, {"residual": 0.25}),
        "readouts": (analyses.attention_rollout, [{"readouts": each} for each in readouts], {"readouts": readouts}),
    }


@pytest.mark.parametrize("name", ["entropy", "received", "patterns", "rollout", "readouts"])
def test_each_example_is_that_of_its_recording(name, records, examples):
    analysis, alone, together = analysed(examples)[name]
    found = analysis(records, **together)
    singles = [analysis(record, **options) for record, options in zip(records, alone, strict=True)]
    for field in found.__dataclass_fields__:
        values = getattr(found, field)
        if not isinstance(values, torch.Tensor):
            continue
        for whole, single in zip(values, (getattr(each, field) for each in singles), strict=True):
            inside = tuple(map(slice, single.shape))
            assert equal_tensors(whole[inside], single)
            outside = torch.ones(whole.shape, dtype=torch.bool)
            outside[inside] = False
            assert whole[outside].isnan().all()
    assert found.labels == tuple(single.labels for single in singles)


@pytest.mark.parametrize("name", ["entropy", "received", "patterns", "rollout", "readouts"])
def test_its_table_is_those_of_all_examples(name, records, examples):
    analysis, alone, together = analysed(examples)[name]
    frame = analysis(records, **together).to_frame()
    assert frame.columns[0] == "example"
    for number, (record, options) in enumerate(zip(records, alone, strict=True)):
        part = frame[frame["example"] == number].drop(columns="example").reset_index(drop=True)
        single = analysis(record, **options).to_frame()
        assert part.equals(single.astype(part.dtypes))


def test_it_says_its_shape_and_is_drawn_and_saved(records, tmp_path):
    from matplotlib import pyplot
    from results_for_tests import same

    found = analyses.attention_entropy(records)
    assert repr(found).splitlines()[0] == "Entropy of 3 examples x 3 layers x 4 heads x 13 queries"
    for suffix in (".json", ".safetensors", ".parquet"):
        found.save(tmp_path / f"entropy{suffix}")
        assert same(analyses.read(tmp_path / f"entropy{suffix}"), found)
    assert found.plot().has_data()
    pyplot.close("all")
    assert found._repr_html_() == found.mean()._repr_html_().replace(
        repr(found.mean()).splitlines()[0], repr(found).splitlines()[0]
    )
    received = analyses.attention_received(records)
    assert received.from_others.nansum(dim=-1).tolist() == pytest.approx([1, 1, 1])
    assert len(repr(received).splitlines()) == 2


def test_maps_without_labels_have_none():
    records = []
    for subject in (tiny_bert(), tiny_bert()):
        with interpret.recording(subject.model) as record:
            subject.logits(subject.encode("the film").ids[None])
        records.append(record)
    assert analyses.attention_entropy(records).labels is None


def refusal(call, *arguments, **options):
    with pytest.raises(InputError) as error:
        call(*arguments, **options)
    return str(error.value)


def test_what_does_not_belong_together_is_refused(records):
    assert refusal(analyses.attention_entropy, []) == ("attention must be that of at least one example, and none came")
    assert refusal(analyses.attention_patterns, records, separators=[0]) == (
        "separators must be given for each of 3 examples, as a list of theirs"
    )
    assert refusal(analyses.attention_rollout, records, readouts=[torch.eye(4)]) == (
        "readouts must be given for each of 3 examples, as a list of theirs"
    )
    other = tiny_llama()
    example = other.encode("the film is warm")
    message = refusal(analyses.attention_entropy, [records[0], other.record(example)[0]])
    assert message.startswith("results of several examples must be by one model, and nats has the shapes [3, 4, 6], [")
    assert refusal(analyses.attention_rollout(records).from_position, 0) == (
        "this rollout is of 3 examples; follow positions in that of one"
    )

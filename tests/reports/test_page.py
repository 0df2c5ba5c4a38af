"""The page as a file: well-formed, complete without a script, closed to the outside, and small."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from sample import HOSTILE, sample_analysis

from analyses.export.encoding import unpack_weights
from reports.analysis import findings
from reports.analysis.page import render
from reports.analysis.view import sections
from reports.shared.error_rate import sentence
from reports.shared.notation import column, number, p_value, percent, visible

VARIANTS = {
    "classifier": {},
    "causal": {"causal": True, "layers": 4, "heads": 3, "units": 5},
    "hostile": {"hostile": True, "units": len(HOSTILE), "nulls": True, "answer": "inconclusive"},
    "asked": {"causal": True, "other_target": True, "answer": "supported", "units": 9},
    "one word": {"layers": 1, "heads": 1, "units": 1, "orders": 1},
}
VOID = {"meta", "input", "br", "img", "link", "hr"}


class Reader(HTMLParser):
    """Reads a page strictly: every tag closed in order, every id once; keeps the text and the elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag in self.raw:
            self.raw[tag].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> where {self.open[-3:]} is open"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]][-1] += data
        else:
            self.texts.append(data)

    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> tuple[dict, str, Reader]:
    analysis = sample_analysis(**VARIANTS[request.param])
    html = render(analysis)
    return analysis, html, Reader(html)


def test_the_page_is_well_formed(variant: tuple[dict, str, Reader]) -> None:
    _, html, reader = variant
    assert html.startswith("<!doctype html>")
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in reader.elements:
        for name in ("aria-labelledby", "for"):
            assert attributes.get(name, ids[0]) in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
    html.encode("utf-8")


def test_nothing_on_it_points_outside(variant: tuple[dict, str, Reader]) -> None:
    _, _, reader = variant
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"link", "img", "iframe", "object", "embed", "form", "base", "audio", "video", "image", "use"}
    for _, attributes in reader.elements:
        assert not {"src", "srcset", "action", "xlink:href", "style", "data", "poster"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    code = "".join(reader.raw["style"] + reader.raw["script"][1:])
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|WebSocket|innerHTML|outerHTML|insertAdjacent|eval\(", code)
    assert re.findall(r"https?://[^\"' ]+", code) == ["http://www.w3.org/2000/svg"]


def test_the_policy_admits_only_its_own_style_and_script(variant: tuple[dict, str, Reader]) -> None:
    _, _, reader = variant
    policy = next(a["content"] for _, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    (style,) = reader.raw["style"]
    _, script = reader.raw["script"]
    admitted = f"style-src {hashed(style)}; script-src {hashed(script)}"
    assert policy == f"default-src 'none'; {admitted}; base-uri 'none'; form-action 'none'"


def test_every_number_of_the_decision_and_the_verdict_is_there_without_a_script(
    variant: tuple[dict, str, Reader],
) -> None:
    analysis, _, reader = variant
    text, decision, verdict = reader.text(), analysis["decision"], analysis["verdict"]
    assert visible(decision["label"]).strip() in text
    assert percent(decision["probability"]) in text
    assert f"The margin is {number(decision['margin'])} logits" in text
    for label, share in decision["alternatives"]:
        assert f"{visible(label).strip()}{percent(share)}" in text.replace("</bdi>", "")
    assert f"{verdict['answer'].capitalize()} " in text or f"{verdict['answer'].capitalize()}\n" in text
    for said in (verdict["scope"], *verdict["limits"], *map(visible, analysis["caveats"])):
        assert said in text
    write = column([entry["comprehensiveness"]["margin"] for entry in analysis["faithfulness"]["maps"]])
    for entry in analysis["faithfulness"]["maps"]:
        fall, p = entry["comprehensiveness"]["margin"], entry["comprehensiveness"]["p_value"]
        assert f"{entry['method']}{write(fall)}{p_value(p)}" in text
        row = [entry["method"]]
        for test in ("comprehensiveness", "sufficiency"):
            row += [number(entry[test]["margin"]), number(entry[test]["probability"]), p_value(entry[test]["p_value"])]
        assert "".join(row) in text
        assert "".join([*row, number(entry["above_chance"])]) in text
    for side, said in findings.reasons(verdict):
        assert said in text and side.capitalize() in text
    for row in findings.rows(verdict):
        assert "".join([row["value"], row["against"], row["favour"], row["p"], row["side"]]) in text
    assert sentence(verdict["error_rate"]) in text


def test_every_value_of_the_maps_the_heads_and_the_checks_is_in_a_table(variant: tuple[dict, str, Reader]) -> None:
    analysis, _, reader = variant
    text = reader.text()
    for index, unit in enumerate(analysis["units"]):
        values = [column(entry["scores"])(entry["scores"][index]) for entry in analysis["maps"]]
        assert visible(unit["text"]) + "".join(values) in text
        assert visible(unit["text"]) + "".join(percent(row[index]) for row in analysis["rollout"]["layers"]) in text
    for kind, rows in analysis["heads"].items():
        write = column(value for row in rows for value in row)
        for layer, row in enumerate(rows):
            assert f"{layer + 1}{''.join(map(write, row))}" in text, kind
    for rows in (analysis["attention"]["entropy"]["share"], *analysis["attention"]["patterns"].values()):
        for layer, row in enumerate(rows):
            assert f"{layer + 1}{''.join(map(percent, row))}" in text
    for check in analysis["checks"]:
        word = "✓ passed" if check["passed"] else "✗ FAILED"
        assert f"{word}{check['name']}{number(check['value'])}{number(check['tolerance'])}" in text
    assert percent(analysis["attention"]["sink_mass"]) in text


def test_it_says_how_to_run_it_again(variant: tuple[dict, str, Reader]) -> None:
    analysis, _, reader = variant
    text = reader.text()
    assert re.sub(r"\s+", " ", visible(analysis["run"]["command"])) in text
    assert analysis["model"]["sha256"] in text
    for name, version in analysis["run"]["versions"].items():
        assert f"{name}{version}" in text


def test_it_never_claims_a_proof(variant: tuple[dict, str, Reader]) -> None:
    assert not re.search(r"\bprov(e|es|ed|en|ing)\b|\bproofs?\b", variant[2].text(), re.IGNORECASE)


@pytest.mark.parametrize("answer", ["supported", "not supported", "inconclusive"])
def test_each_answer_has_its_word_and_its_sentence(answer: str) -> None:
    text = Reader(render(sample_analysis(answer=answer))).text()
    said = {
        "supported": "Supported Yes, for this text and as far as this test goes:",
        "not supported": "Not supported No. For this text, do not read",
        "inconclusive": "Inconclusive This text can’t settle it. ",
    }
    assert [key for key, words in said.items() if words in text] == [answer]


def test_a_next_token_is_called_so() -> None:
    text = Reader(render(sample_analysis(causal=True))).text()
    assert "The model’s next token is ‘ mat’" in text
    assert "It puts 31.4% on this token" in text
    assert "The model decides" not in text


def test_a_target_that_the_model_does_not_prefer_is_called_so() -> None:
    text = Reader(render(sample_analysis(other_target=True))).text()
    assert "You asked about negative" in text
    assert "The model prefers ‘positive’. It puts 0.4% on the one you asked about." in text
    assert "The margin is −0.45 logits: it trails the model’s choice by that much." in text


def test_failed_checks_and_cut_texts_are_said_aloud() -> None:
    text = Reader(render(sample_analysis(nulls=True))).text()
    assert "1 check failed. Do not rely on this report before you know why." in text
    assert "The text was cut: 3 tokens at its end did not fit the model" in text
    assert "check failed" not in Reader(render(sample_analysis())).text()


def test_attention_against_gradients_against_chance_is_said_in_numbers() -> None:
    analysis = sample_analysis()
    text = Reader(render(analysis)).text()
    falls = sorted(analysis["faithfulness"]["random"]["comprehensiveness"]["margin"])
    middle = (falls[149] + falls[150]) / 2
    assert (
        "the margin of 5.60 falls by 0.71 for last-layer attention (p = 0.379) and by 0.55 for attention roll" in text
    )
    assert f"Without randomly chosen words it falls by {number(middle)} in the middle case; " in text
    assert "The best gradient map, integrated gradients, finds words without which it falls by 4.22 (p = 0.010)" in text
    assert "The removal map, leave-one-out, finds words without which it falls by 6.53" in text


def test_the_data_for_the_script_can_not_end_its_element(variant: tuple[dict, str, Reader]) -> None:
    analysis, html, reader = variant
    raw = html.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert not set("<>&") & set(raw)
    data = json.loads(raw)
    assert raw == reader.raw["script"][0]
    assert data["units"] == [visible(unit["text"]) for unit in analysis["units"]]
    assert data["weights"] == analysis["attention"]["weights"]
    assert unpack_weights(data["weights"]).shape[-1] == len(analysis["tokens"])
    for shown, entry in zip(data["maps"], analysis["maps"], strict=True):
        assert shown["scores"] == pytest.approx(entry["scores"], rel=1e-5)
        ranked = sorted(range(len(entry["scores"])), key=lambda unit: shown["ranks"][unit])
        assert sorted(entry["scores"], reverse=True) == [entry["scores"][unit] for unit in ranked]


def test_hostile_words_are_text_and_nothing_else() -> None:
    analysis = sample_analysis(hostile=True, units=len(HOSTILE))
    html = render(analysis)
    reader = Reader(html)
    for word in HOSTILE:
        assert visible(word) in "".join(reader.texts)
    assert [tag for tag, _ in reader.elements].count("script") == 2
    assert [tag for tag, _ in reader.elements].count("style") == 1
    harmless = render(sample_analysis(units=len(HOSTILE)))
    assert {tag for tag, _ in reader.elements} == {tag for tag, _ in Reader(harmless).elements}
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\x00]", html)


def test_words_are_kept_apart_for_the_direction_of_writing(variant: tuple[dict, str, Reader]) -> None:
    analysis, html, _ = variant
    for word in {visible(unit["text"]) for unit in analysis["units"]}:
        escaped = word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        escaped = escaped.replace('"', "&#34;").replace("'", "&#39;")
        assert f"<bdi>{escaped}</bdi>" in html


@pytest.mark.parametrize("causal", [False, True])
def test_a_long_text_on_a_large_model_fits_two_megabytes(causal: bool) -> None:
    analysis = sample_analysis(
        layers=12, heads=12, units=127 if causal else 126, causal=causal, flat_weights=True, orders=1000
    )
    assert len(analysis["tokens"]) == 128
    assert len(render(analysis).encode()) <= 2_000_000


def test_rendering_twice_gives_the_same_page_and_leaves_the_analysis_alone() -> None:
    analysis = sample_analysis(nulls=True)
    before = json.dumps(analysis)
    assert render(analysis) == render(analysis)
    assert json.dumps(analysis) == before


def test_it_renders_what_comes_back_from_json() -> None:
    analysis = sample_analysis(hostile=True, units=len(HOSTILE), nulls=True)
    assert render(json.loads(json.dumps(analysis))) == render(analysis)


def test_another_schema_is_refused() -> None:
    expected = r'^a page is made from an analysis of schema "interpret-attention/analysis/3", not \'other\'$'
    with pytest.raises(ValueError, match=expected):
        render({"schema": "other"})


def test_a_model_in_a_folder_goes_by_its_last_name_at_the_top() -> None:
    analysis = sample_analysis(layers=1, heads=1, units=2)
    for name, short in (("/a/long/path/model-x", "model-x"), ("group/model-y", "group/model-y"), ("z", "z")):
        analysis["model"]["name"] = name
        text = Reader(render(analysis)).text()
        assert f"Attention report {short}, text classification" in text
        assert f"Model{name} " in text


def test_two_texts_stand_apart_by_name_and_the_answer_is_boxed() -> None:
    analysis = sample_analysis(answers=True)
    (question, asked), (context, given) = sections(analysis)
    assert (question, context) == ("question", "context")
    words = [unit["text"] for unit in analysis["units"]]
    assert [piece.text for piece in asked if piece.unit is not None] == words[:5]
    assert [piece.text for piece in given if piece.unit is not None] == words[5:]
    assert "".join(piece.text for piece in asked) + "\n" + "".join(piece.text for piece in given) == analysis["text"]
    assert [piece.text for piece in asked + given if piece.is_answer] == words[9:11]
    html = render(analysis)
    assert html.count('<span class="partname">Question</span>') == html.count('<span class="partname">Context</span>')
    assert html.count('<span class="partname">Question</span>') == 3
    boxed = re.findall(r'<mark class="[\w ]*next"><bdi>([^<]+)</bdi></mark>', html)
    assert boxed == words[9:11]
    assert "The model’s answer is" in Reader(html).text()


def test_one_text_has_no_name() -> None:
    (only,) = sections(sample_analysis())
    assert only[0] == "" and 'class="partname"' not in render(sample_analysis())


def test_layers_of_several_stacks_are_named_by_them() -> None:
    analysis = sample_analysis(layers=3)
    analysis["model"]["layer_names"] = ["encoder 1", "decoder 1", "cross 1"]
    analysis["model"]["layer_kinds"] = ["encoder", "decoder", "cross"]
    html = render(analysis)
    text = Reader(html).text()
    assert "Encoder 1" in text and "Cross 1" in text and "Layer 1" not in text
    assert '"layers":["Encoder 1","Decoder 1","Cross 1"]' in html
    assert "Layer 3" in Reader(render(sample_analysis(layers=3))).text()


def test_what_forbids_any_answer_is_the_only_reason() -> None:
    verdict = sample_analysis(answer="inconclusive")["verdict"]
    sides = [each["side"] for each in verdict["components"]]
    assert {"holds", "open"} <= set(sides)
    obstacle = "4 words are too few to tell any order from chance; it takes 5"
    assert findings.reasons({**verdict, "because": [obstacle], "topics": ["data"]}) == [("", f"{obstacle}.")]
    unsettled = next(each for each in verdict["components"] if each["side"] == "open")
    line = unsettled["doubt"] or unsettled["open"]
    assert [side for side, _ in findings.reasons({**verdict, "because": [line], "topics": [unsettled["name"]]})] == [
        *("open" for side in sides if side == "open"),
        "in favour",
    ]

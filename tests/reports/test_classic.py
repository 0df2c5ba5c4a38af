"""The classic tests on the pages: every number is there, in words that don't judge, and apart from the verdict."""

import re
from html import unescape
from typing import Any

import pytest
from sample import sample_analysis
from study_sample import sample_study
from test_page import Reader

from reports.analysis import classic
from reports.analysis.classic_terms import LEAD, TESTS, TITLE
from reports.analysis.page import render
from reports.study import classic as study_classic
from reports.study.page import render_study

PAPERS = ("Jain and Wallace, 2019", "Wiegreffe and Pinter, 2019", "Serrano and Smith, 2019", "Liu et al., 2022")


def section(html: str) -> str:
    """The text of the section, spaces as one."""
    inner = re.search(r'<section class="onecolumn" id="classic">(.*?)</section>', html, re.DOTALL)
    assert inner is not None
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", inner[1])))


def one(**changes: Any) -> str:
    """The section of a text, with some fields changed."""
    analysis = sample_analysis(layers=1, heads=4, units=16)
    assert set(changes) <= set(analysis["classic"])
    analysis["classic"] |= changes
    return section(render(analysis))


def test_each_test_has_its_paper_its_question_and_why_it_does_not_decide() -> None:
    for text in (one(), section(render_study(*sample_study(classic=True)))):
        assert TITLE in text and LEAD in text
        places = [text.index(f"{test.title} {test.paper} {test.asks}") for test in TESTS.values()]
        assert places == sorted(places)
        for test in TESTS.values():
            assert test.why in text
        assert all(paper in text for paper in (*PAPERS, "Brunner et al., 2020"))
    assert all(re.fullmatch(r"[^.?!]+\?", test.asks) for test in TESTS.values())
    assert all(re.fullmatch(r"[^?!]+\.", test.why) and ". " not in test.why for test in TESTS.values())


@pytest.mark.parametrize(
    "said",
    [
        "Does attention rank the words as gradients do? On this text Largely: Kendall’s tau is 0.62.",
        "leaving each one out does? On this text Rather the reverse: Kendall’s tau is −0.31.",
        "agree with each other? On this text Hardly: Kendall’s tau is 0.11.",
        "The probability of a label typically changes by 3.5 percentage points.",
        "largest weight is 41.2% of the attention on words; the mean cosine of value vectors with their mean is 0.87",
        "Yes: 4 of 5 searches kept the answer. The most different attention diverges from the model’s by 0.54 nats;",
        "With equal weights the decision changes. The margin moves by −0.81 logits, the probability by −2.7 percentage",
        "Without the largest weight the decision changes; without the other one it stays. The largest moves the answer "
        "less far, by 0.021 nats.",
        "Largest weight first: 25.0% of them. Largest gradient first: 12.5% of them. Largest weight times gradient "
        "first: 18.8% of them. In random order: 43.8% to 75.0% of them, and never in 2 of 5 draws. Smallest weight "
        "first: never.",
        "By attention: not against it. By attention times gradient: against it. By attention times the length of the "
        "value vectors: not against it.",
        "In 3 of 4 heads others could; in 1 there are none. Of a head’s squared weights 80.0% to 100.0% reach what it",
        "weights of the 16 word positions",
        "The search for other attention takes 100 steps (500 in the paper).",
    ],
)
def test_what_one_text_says(said: str) -> None:
    assert said in one()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attention_gradient": None}, "Undefined: one of the two doesn’t tell the words apart."),
        ({"feasible": 0, "divergence": 0.0}, "None was found: no search of 5 kept the answer."),
        ({"top_flips": None, "other_flips": None}, "Undefined: there is one weight only."),
        ({"random": []}, "until the decision changes? On this text Undefined: there is one weight only."),
        ({"divergence_difference": 1e-14}, "Both move the answer equally far."),
        ({"divergence_difference": 0.5}, "The largest moves the answer further, by 0.50 nats."),
        ({"random": [None, None]}, "In random order: never."),
        ({"random": [0.5]}, "In random order: 50.0% of them."),
        ({"uniform_flips": False, "uniform_margin_change": 0.25}, "decision stays. The margin moves by +0.25 logits"),
        ({"uniform_probability_change": 0.0}, "the probability by 0.0 percentage points"),
        ({"is_identifiable": [True] * 4}, "In 0 of 4 heads others could; in 4 there are none. Why"),
        ({"identifiability": [0.5, None, None, None]}, "Of its squared weights 50.0% reach what it writes."),
    ],
)
def test_what_is_undefined_or_goes_the_other_way_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in one(**changes) and said not in one()


@pytest.mark.parametrize(
    "said",
    [
        "In part, on average: the mean of Kendall’s tau is 0.31 [0.28, 0.36]. Undefined on 3 texts.",
        "Largely, on average: the mean of Kendall’s tau is 0.58 [0.55, 0.63].",
        "The probability of a label changes by 4.1% [0.7%, 9.2%] on average.",
        "On 94.0% [90.6%, 99.1%] of the texts there is. The most different attention diverges from the model’s by 0.52",
        "With equal weights the decision changes on 7.0% [3.6%, 12.1%] of the texts. The margin moves by −0.45 [−0.48,",
        "without the largest weight only: 12; without the other only: 2; in both cases: 1; in neither: 104. McNemar’s "
        "exact test that both change it equally often: p = 0.013. On 34.0% [30.6%, 39.1%] of the texts the largest "
        "moves the answer less far than the other. Undefined on 1 text.",
        "Largest weight first: 44.0% [40.6%, 49.1%] of them; no change on 17 texts.",
        "By attention times gradient: on 21.0% [17.6%, 26.1%] of the texts.",
        "In 88.0% [84.6%, 93.1%] of the heads no others could",
        "Largest weight first, in random order 114 −12.2% −15.1% [−18.5%, −10.0%] −0.71 4 9 0.012 0.037",
        "Largest gradient first, largest weight first 114",
        "takes 50 steps (500 in the paper)",
        "Tau, attention and gradient 0.310 0.276 0.361 BCa 117 3",
        "Texts that equal weights decide otherwise 0.070 0.036 0.121 exact 120 0",
    ],
)
def test_what_many_texts_say(said: str) -> None:
    assert said in section(render_study(*sample_study(classic=True))).replace("p\u00a0=", "p =")


def test_where_nothing_is_defined_the_study_says_so() -> None:
    text = section(render_study(*sample_study(classic=True, undefined=True, texts=2)))
    assert text.count("Undefined on every text.") == 3
    assert "Undefined: every text has one weight only." in text and "In random order: never." in text
    assert "Largest weight first, in random order 0 – – – 0 0 – –" in text


def test_every_interval_of_the_summary_is_in_the_table() -> None:
    summary, _ = sample_study(classic=True)
    found = summary["classic"]
    count = len(found["means"]) + len(found["removed"]) + len(found["violations"]) + 5
    rows = study_classic.numbers(found)
    assert len(rows) == len({row[0] for row in rows}) == count


def test_a_study_without_them_has_no_such_section() -> None:
    for older in (False, True):
        summary, records = sample_study(older=older)
        assert ("classic" in summary) != older
        html = render_study(summary, records)
        assert 'id="classic"' not in html and TITLE not in html and "#classic" not in html


def test_it_stands_far_from_the_verdict_and_wears_none_of_its_words() -> None:
    for html, before in (
        (render(sample_analysis()), "agreement"),
        (render_study(*sample_study(classic=True)), "spread"),
    ):
        places = [html.index(f'id="{name}"') for name in ("verdict", before, "classic")]
        assert places == sorted(places)
        assert html.count('href="#classic"') == 1
        text = section(html)
        assert not re.search(r"\b(supported|inconclusive|in favour|holds|fails)\b", text, re.IGNORECASE)
        assert 'class="side' not in html[html.index('id="classic"') :].split("</section>")[0]


@pytest.mark.parametrize(
    ("tau", "word"),
    [(1, "Very much so"), (0.75, "Very much so"), (0.74, "Largely"), (0.25, "In part"), (0, "Hardly"),
     (-0.25, "Hardly"), (-0.26, "Rather the reverse"), (-1, "Rather the reverse")],
)  # fmt: skip
def test_a_correlation_in_words(tau: float, word: str) -> None:
    assert classic.alike(tau) == word


def test_the_page_is_still_well_formed_with_them() -> None:
    Reader(render_study(*sample_study(classic=True)))
    Reader(render(sample_analysis(nulls=True)))

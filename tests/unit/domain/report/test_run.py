"""report.html: one page that loads nothing, runs nothing but its own script and shows hostile texts as texts."""

import re
from typing import Any

import pytest

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.verdict import decide
from finetune.domain.report import markup
from finetune.domain.report.run import ReportData, render
from tests.reporting import HOSTILE, Page, items, report, said

ELEMENTS = """html head meta title style body header main section h1 h2 h3 h4 p ul li dl dt dd div span b i ins del
    figure figcaption table thead tbody tr th td details summary svg text line rect circle polyline
    label select option output script"""
ATTRIBUTES = """lang charset name content http-equiv class dir open scope role width height x y x1 x2 y1 y2 cx cy r rx
    points viewbox preserveaspectratio aria-hidden hidden value autocomplete
    data-kind data-category data-size data-loss data-gain data-line"""


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_add_no_element_no_attribute_no_comment_and_no_control_character(text: str) -> None:
    written = render(report(text)).encode().decode()
    page = Page(written)
    assert set(page.elements) <= set(ELEMENTS.split())
    assert {name for _, name, _ in page.attributes} <= set(ATTRIBUTES.split())
    assert not page.open
    assert not page.others
    assert page.elements.count("script") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", written)


def test_a_hostile_text_is_shown_to_the_letter() -> None:
    text = "<b>\"quoted\" & 'single'</b>"
    shown = "".join(Page(render(report(text))).texts)
    assert f"30 days {text}" in shown


@pytest.mark.parametrize(("right", "words"), [(23, "Promote"), (2, "Do not promote")], ids=["better", "the same"])
def test_the_verdict_and_its_sentence_stand_on_top(right: int, words: str) -> None:
    asked = items(24)
    answers = {"base": said(asked, "no", 2), "candidate": said(asked, "no", right)}
    judged = decide(asked, answers, gates=Gates(), seed=1)
    page = render(report(evaluation=judged, answers=answers))
    assert f"<h1>{words}</h1>" in page
    assert page.index(markup.escape(judged.reason)) < page.index("<h2>")


def test_a_champion_gets_a_column_a_comparison_and_a_card() -> None:
    page = render(report(champion=True))
    assert "The custom model against the model in service" in page
    assert page.count('class="card champion"') == 24


def test_every_section_is_there_and_none_is_empty() -> None:
    page = Page(render(report()))
    headings = re.findall(r"<h2>(.*?)</h2>", render(report()))
    assert headings == [
        "How sure that is",
        "Metrics",
        "By category",
        "Training",
        "Answers side by side",
        "How answers ended",
        "Cost",
        "Dataset",
        "Lineage",
    ]
    assert "1,234" in page.texts


def test_a_run_without_an_evaluation_still_has_a_page() -> None:
    data = ReportData(project="p", run_id="r", created="now", base_model="m", note="No endpoint could answer.")
    page = render(data)
    assert "<h1>Not evaluated</h1>" in page
    assert "No endpoint could answer." in page
    assert "<h2>" not in page


def test_smaller_categories_are_counted_beyond_a_bound() -> None:
    asked = [item.model_copy(update={"category": f"topic {item.line % 50:02d}"}) for item in items(80)]
    answers = {"base": said(asked, "no", 10), "candidate": said(asked, "no", 70)}
    page = render(report(evaluation=decide(asked, answers, gates=Gates(), seed=1), items=asked, answers=answers))
    assert "30 smaller categories are in evaluation.json" in page


def test_a_long_text_is_cut_with_a_notice() -> None:
    names: dict[str, Any] = {"project": "p", "run_id": "r", "base_model": "m", "dataset": {}, "lineage": {}}
    page = render(report("x" * 5_000, count=20, **names))
    assert "more characters]" in page
    assert "x" * 2_001 not in page


def test_a_missing_answer_shows_its_code() -> None:
    asked = items(30)
    answers = {"base": said(asked, "no", 2), "candidate": said(asked, "no", 29)}
    answers["base"]["i0"] = Answer(id="i0", error="ModelTimeoutException")
    judged = decide(asked, answers, gates=Gates(coverage=0.9), seed=1)
    page = render(report(evaluation=judged, answers=answers))
    assert ">1</td>" in page.split("How answers ended")[1]


def test_labels_get_their_confusion_table() -> None:
    asked = [
        item.model_copy(update={"reference": ("bug", "praise")[number % 2], "expected_keywords": ()})
        for number, item in enumerate(items(40))
    ]
    right = {item.id: Answer(id=item.id, text=item.reference or "", stop_reason="end_turn") for item in asked}
    answers = {"base": said(asked, "bug", 0), "candidate": right}
    judged = decide(asked, answers, gates=Gates(), seed=1)
    page = render(report(evaluation=judged, items=asked, answers=answers))
    assert "none of them" in page
    assert "Macro-F1" in page


def test_a_stored_report_renders_to_the_same_page() -> None:
    data = report(champion=True)
    assert render(ReportData.model_validate_json(data.model_dump_json())) == render(data)

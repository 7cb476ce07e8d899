"""report.html: one page that loads nothing, runs nothing but its own script and shows hostile texts as texts."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest

from finetune.domain import catalog, cost
from finetune.domain.customization import loss_curves
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import Turn
from finetune.domain.evaluation.verdict import Evaluation, decide
from finetune.domain.report import markup
from finetune.domain.report.run import ReportData, render
from finetune.domain.report.side_by_side import ITEMS_SHOWN
from tests.reporting import HOSTILE, items, report, said, shop

ELEMENTS = """html head meta title style body header main section h1 h2 h3 h4 p ul li dl dt dd div span b i ins del
    figure figcaption table thead tbody tr th td details summary svg text line rect circle polyline
    label select option output script"""
ATTRIBUTES = """lang charset name content http-equiv class dir open scope role width height x y x1 x2 y1 y2 cx cy r rx
    points viewbox preserveaspectratio aria-hidden hidden value autocomplete
    data-kind data-category data-size data-loss data-gain data-line"""


class Page(HTMLParser):
    """The parsed page: what it holds, and that every element is closed where it should be."""

    VOID = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.others: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)


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


def test_a_control_character_is_named_instead_of_sent() -> None:
    assert markup.visible("a\x00b\u202ec\r\nd\te") == "a[U+0000]b[U+202E]c\nd\te"


def digest(page: str, element: str) -> str:
    [content] = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def policy(page: str) -> str:
    return next(v for t, n, v in Page(page).attributes if t == "meta" and n == "content" and "default-src" in v)


def test_the_policy_allows_nothing_but_the_pages_own_style_and_script() -> None:
    page = render(report())
    assert policy(page) == (
        f"default-src 'none'; style-src {digest(page, 'style')}; script-src {digest(page, 'script')}; "
        "base-uri 'none'; form-action 'none'"
    )


def test_a_page_without_answers_allows_no_script_at_all() -> None:
    page = render(report(evaluation=None))
    assert "script-src 'none'" in policy(page)
    assert "<script" not in page


def test_the_page_refers_to_nothing_outside_itself() -> None:
    page = render(report())
    assert not re.search(r"fetch|XMLHttp|import|eval|innerHTML|location", page.split("<script>")[1])
    assert not re.search(r"(?:src|href|action|url|@import)\s*[=(\s]\s*[\"']?", page.split("</style>")[1])
    assert not re.search(r"url\(|@import|expression", page)


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


def rows(page: str) -> list[dict[str, str]]:
    """The attributes of every row of the list, in the order of the page."""
    return [dict(re.findall(r'data-(\w+)="(\w+)"', row)) for row in re.findall(r"<details([^>]*)>", page)]


def test_of_every_kind_of_change_only_the_largest_are_shown_and_the_rest_is_counted() -> None:
    asked = items(80)
    answers = {"base": said(asked, "no", 10), "candidate": said(asked, "no", 70)}
    judged = decide(asked, answers, gates=Gates(), seed=1)
    page = render(report(evaluation=judged, items=asked, answers=answers))
    assert Counter(row["kind"] for row in rows(page)) == {"gain": ITEMS_SHOWN, "same": 20}
    assert f"the smallest changes: {60 - ITEMS_SHOWN} gains." in page


def test_an_item_that_a_contestant_did_not_answer_is_in_the_list_but_has_no_change() -> None:
    page = render(shop())
    [missing] = [row for row in rows(page) if row["kind"] == "open"]
    assert missing["size"] == missing["loss"] == missing["gain"] == str(len(rows(page)) - 1)
    assert "No answer: ModelTimeoutException" in page


def test_rows_carry_their_rank_by_loss_by_gain_and_by_line() -> None:
    page = render(shop())
    shown = [
        (row, float(points.replace("\u2212", "-")))
        for row, points in zip(rows(page), re.findall(r'class="change[^"]*">([^<]+)<', page), strict=False)
    ]
    by = {
        order: [points for row, points in sorted(shown, key=lambda one: int(one[0][order]))]
        for order in rows(page)[0]
        if order in ("size", "loss", "gain")
    }
    assert by["size"] == sorted(by["size"], key=abs, reverse=True)
    assert by["loss"] == sorted(by["loss"])
    assert by["gain"] == sorted(by["gain"], reverse=True)
    assert min(by["loss"]) < 0 < max(by["gain"])
    lines = re.findall(r">Line (\d+) ", page)
    assert [int(row["line"]) for row in rows(page)] == [sorted(map(int, lines)).index(int(line)) for line in lines]


def test_the_largest_change_comes_first() -> None:
    asked = items(30)
    answers = {"base": said(asked, "no", 0), "candidate": said(asked, "no", 0)}
    answers["candidate"]["i7"] = Answer(id="i7", text="30 days How long?", stop_reason="end_turn")
    answers["candidate"]["i3"] = Answer(id="i3", text="30 days", stop_reason="end_turn")
    judged = decide(asked, answers, gates=Gates(), seed=1)
    questions = re.findall(r'class="question">How long\? (\d+)<', render(report(evaluation=judged, answers=answers)))
    assert questions[:2] == ["7", "3"]


def test_a_hostile_answer_changes_nothing_but_its_own_row() -> None:
    def others(page: str) -> list[str]:
        return [row for row in page.split("<details")[1:] if ">Line 5 " not in row]

    # Both are worth nothing, so that the rows' order is the same.
    plain, hostile = render(shop("No.")), render(shop("</div></details><script>alert(0)</script>"))
    assert others(plain) == others(hostile)
    assert len(others(plain)) == plain.count("<details") - 1


def test_a_conversation_and_its_checks_are_shown_up_to_a_bound() -> None:
    turns = tuple(Turn(role=("user", "assistant")[number % 2], text=f"turn {number}") for number in range(41))
    asked = [item.model_copy(update={"messages": turns, "expected_keywords": ("x",) * 90}) for item in items(24)]
    page = render(report(items=asked))
    assert "33 earlier turns are left out" in page
    assert "turn 33<" in page
    assert "turn 32<" not in page
    assert "and 70 more" in page


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


def test_words_that_only_one_answer_used_are_marked() -> None:
    asked = items(30)
    answers = {
        "base": said(asked, "You can return it within 14 days of delivery", 0),
        "candidate": said(asked, "You can return it within 30 days of delivery", 0),
    }
    judged = decide(asked, answers, gates=Gates(), seed=1)
    page = render(report(evaluation=judged, answers=answers))
    assert "within <del>14</del> days" in page
    assert "within <ins>30</ins> days" in page


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


@pytest.mark.parametrize("points", [b"1,0,2.0\n", b"1,0,2.0\n2,0,2.0\n", b"1,0,0\n", b"0,0,1\n", b"1,0,1e300\n2,0,1\n"])
def test_a_curve_of_any_shape_is_drawn(points: bytes) -> None:
    drawn = loss_curves.read_metrics(b"step_number,epoch_number,training_loss\n" + points, "training")
    page = render(report(training=loss_curves.summarise(drawn, None), curves=(drawn,)))
    assert "<polyline" in page
    assert "nan" not in page.split("<h2>Training</h2>")[1].split("</figure>")[0]


def test_tokens_are_priced_by_the_million_and_the_break_even_is_in_round_numbers() -> None:
    row = catalog.base_model("amazon.nova-lite-v1:0:300k")
    estimate = cost.estimate_run(row, training_tokens=184_000, epochs=3, evaluation_items=60, endpoint="on_demand")
    page = Page(render(report(cost=estimate)))
    assert {"552,000 tokens", "$2.00 per million", "1 month", "598 billion tokens a month"} <= set(page.texts)


def test_unknown_prices_are_said_to_be_unknown() -> None:
    row = catalog.base_model("amazon.nova-micro-v1:0:128k")
    bill = cost.estimate_run(row, training_tokens=1, epochs=1, evaluation_items=1, endpoint="provisioned")
    page = render(report(cost=bill, break_even=None))
    assert "Total of what is known" in page
    assert "From where on provisioned throughput pays cannot be said" in page


def test_a_page_of_a_large_evaluation_stays_small() -> None:
    asked = items(1_000)
    answers = {"base": said(asked, "no idea " * 40, 100), "candidate": said(asked, "it is 14 days " * 30, 900)}
    judged: Evaluation = decide(asked, answers, gates=Gates(), seed=1)
    assert len(render(report(evaluation=judged, items=asked, answers=answers))) < 500_000


def test_a_stored_report_renders_to_the_same_page() -> None:
    data = report(champion=True)
    assert render(ReportData.model_validate_json(data.model_dump_json())) == render(data)

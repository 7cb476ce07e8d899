"""The answers beside each other: the largest changes first, the rest counted, differences marked."""

import re
from collections import Counter

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import Turn
from finetune.domain.evaluation.verdict import Evaluation, decide
from finetune.domain.report.run import render
from finetune.domain.report.side_by_side import ITEMS_SHOWN
from tests.reporting import items, report, said, shop


def rows(page: str) -> list[dict[str, str]]:
    """The attributes of every row of the list, in the order of the page."""
    return [dict(re.findall(r'data-(\w+)="(\w+)"', row)) for row in re.findall(r"<details([^>]*)>", page)]


def test_of_every_kind_of_change_only_the_largest_are_shown_and_the_rest_is_counted() -> None:
    asked = items(80)
    answers = {"base": said(asked, "no", 10), "candidate": said(asked, "no", 70)}
    judged = decide(asked, answers, gates=Gates(), seed=1)
    page = render(report(evaluation=judged, items=asked, answers=answers))
    assert Counter(row["kind"] for row in rows(page)) == {"gain": ITEMS_SHOWN, "same": 20}
    assert f"answer files: {60 - ITEMS_SHOWN} gains." in page


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


def test_a_page_of_a_large_evaluation_stays_small() -> None:
    asked = items(1_000)
    answers = {"base": said(asked, "no idea " * 40, 100), "candidate": said(asked, "it is 14 days " * 30, 900)}
    judged: Evaluation = decide(asked, answers, gates=Gates(), seed=1)
    assert len(render(report(evaluation=judged, items=asked, answers=answers))) < 500_000

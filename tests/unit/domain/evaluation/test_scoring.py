"""Answers by item and metric: what is scored, what is missing, and what each figure is taken over."""

from __future__ import annotations

import pytest

from finetune.domain.cost import TokenPrices
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.scoring import Category, Scoring, by_category
from finetune.errors import EvaluationSetInvalid

ITEMS = tuple(
    EvaluationItem(
        id=f"i{number}",
        line=number + 1,
        messages=(Turn(role="user", text=f"Question {number}?"),),
        reference="Within 30 days.",
        expected_keywords=("30 days",),
        category="returns" if number % 2 else "delivery",
    )
    for number in range(4)
)
BARE = EvaluationItem(id="bare", line=9, messages=(Turn(role="user", text="?"),))
RIGHT, WRONG = "Within 30 days.", "Perhaps."


def said(*texts: str | None, stop_reason: str = "end_turn") -> dict[str, Answer]:
    """Answers to the items in order; None for one that is missing."""
    given = {item.id: text for item, text in zip(ITEMS, texts, strict=True)}
    return {
        key: Answer(id=key, text=text, stop_reason=stop_reason, latency_ms=100, input_tokens=20, output_tokens=10)
        if text is not None
        else Answer(id=key, error="ThrottlingException")
        for key, text in given.items()
    }


def scored(candidate: dict[str, Answer], base: dict[str, Answer] | None = None, **more: dict[str, Answer]) -> Scoring:
    base = said(WRONG, WRONG, RIGHT, RIGHT) if base is None else base
    return Scoring.of(ITEMS, {"base": base, **more, "candidate": candidate}, None)


def test_the_items_choose_the_metric_unless_one_is_named() -> None:
    given = {"base": said(*[RIGHT] * 4), "candidate": said(*[RIGHT] * 4)}
    assert Scoring.of(ITEMS, given, None).primary == "keyword_recall"
    assert (found := Scoring.of(ITEMS, given, "rouge_l")).primary == "rouge_l"
    assert found.title == "ROUGE-L"


def test_contestants_stand_in_the_order_in_which_they_are_shown() -> None:
    assert scored(said(*[RIGHT] * 4), champion=said(*[WRONG] * 4)).contestants == ("base", "champion", "candidate")


def test_answers_must_be_of_both_contestants_and_items_different() -> None:
    with pytest.raises(ValueError, match="base and candidate"):
        Scoring.of(ITEMS, {"candidate": {}}, None)
    with pytest.raises(EvaluationSetInvalid, match="the same id"):
        Scoring.of([*ITEMS, ITEMS[0]], {"base": {}, "candidate": {}}, None)


def test_pairs_are_of_items_that_both_answered_and_at_worst_of_all_that_can_be_measured() -> None:
    found = scored(said(RIGHT, None, RIGHT, None), said(WRONG, RIGHT, None, None))
    assert found.pairs("base", ITEMS) == [(0.0, 1.0)]
    assert found.pairs_at_worst("base") == [(0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)]
    assert found.pairs("base", ITEMS, "not_empty") == [(1.0, 1.0)]
    assert found.missing() == {"base": 2, "candidate": 2}
    assert [item.id for item in found.complete] == ["i0"]


def test_an_item_that_the_metric_cannot_measure_is_neither_measured_nor_missing() -> None:
    given = {"base": said(*[WRONG] * 4), "candidate": said(*[RIGHT] * 4)}
    found = Scoring.of([*ITEMS, BARE], given, "keyword_recall")
    assert (list(found.measurable), found.missing()) == (list(ITEMS), {"base": 0, "candidate": 0})
    assert found.rows()[-1].scores == {"base": None, "candidate": None}
    assert found.rows()[-1].outcomes == {"base": "missing", "candidate": "missing"}


@pytest.mark.parametrize(
    ("stop_reason", "score", "not_empty", "not_refused"),
    [("end_turn", 1.0, 1.0, 1.0), ("max_tokens", 1.0, 1.0, 1.0), ("content_filtered", 0.0, 1.0, 0.0)],
)
def test_a_blocked_answer_scores_nothing_and_counts_as_a_refusal(
    stop_reason: str, score: float, not_empty: float, not_refused: float
) -> None:
    means = scored(said(*[RIGHT] * 4, stop_reason=stop_reason)).means()["candidate"]
    assert (means["keyword_recall"], means["not_empty"], means["not_refused"]) == (score, not_empty, not_refused)


def test_means_are_over_what_a_contestant_answered() -> None:
    means = scored(said(RIGHT, None, "", WRONG)).means()
    assert means["candidate"]["keyword_recall"] == pytest.approx(1 / 3)
    assert means["candidate"]["not_empty"] == pytest.approx(2 / 3)
    assert scored({}).means()["candidate"] == {}


def test_a_category_has_the_means_of_its_items_that_all_answered_by_name() -> None:
    found = scored(said(RIGHT, RIGHT, None, WRONG))
    assert found.categories() == (
        Category(name="delivery", items=1, scores={"base": 0.0, "candidate": 1.0}),
        Category(name="returns", items=2, scores={"base": 0.5, "candidate": 0.5}),
    )
    assert by_category([BARE]) == {}


def test_every_item_has_a_row_without_its_texts() -> None:
    row = scored(said(RIGHT, None, RIGHT, RIGHT)).rows()[1]
    assert (row.id, row.line, row.category) == ("i1", 2, "returns")
    assert (row.scores, row.outcomes) == (
        {"base": 0.0, "candidate": None},
        {"base": "answered", "candidate": "missing"},
    )


def test_outcomes_are_counted_for_every_item() -> None:
    counts = scored(said(RIGHT, None, RIGHT, RIGHT, stop_reason="max_tokens")).outcomes()["candidate"]
    assert (counts["cut"], counts["missing"], sum(counts.values())) == (3, 1, 4)


def test_usage_is_of_the_answers_that_came_and_priced_where_the_price_is_known() -> None:
    prices = {"candidate": TokenPrices(input_per_1k_tokens=0.5, output_per_1k_tokens=2.0)}
    usage = scored(said(RIGHT, None, None, None)).usage(prices)
    assert (usage["candidate"].latency_p50_ms, usage["candidate"].latency_p95_ms) == (100, 100)
    assert usage["candidate"].usd_per_thousand_calls == pytest.approx(20 * 0.5 + 10 * 2.0)
    assert usage["base"].usd_per_thousand_calls is None
    assert "candidate" not in scored({}).usage(prices)


def test_questions_that_are_asked_twice_are_one_question() -> None:
    twice = [*ITEMS, ITEMS[0].model_copy(update={"id": "again", "line": 5})]
    found = Scoring.of(twice, {"base": {}, "candidate": {}}, None)
    assert (found.different(twice), found.different(twice[:1])) == (4, 1)


def test_labels_are_reported_where_they_decide_and_a_blocked_answer_names_none() -> None:
    assert scored(said(*[RIGHT] * 4)).labels() == {}
    labelled = [
        item.model_copy(update={"reference": label, "expected_keywords": ()})
        for item, label in zip(ITEMS, ["refund", "refund", "delivery", "delivery"], strict=True)
    ]
    answers = said("refund", "refund", "delivery", "delivery")
    blocked = answers | {"i3": Answer(id="i3", text="delivery", stop_reason="content_filtered")}
    found = Scoring.of(labelled, {"base": answers, "candidate": blocked}, "label")
    assert (found.labels()["base"].accuracy, found.labels()["candidate"].accuracy) == (1.0, 0.75)

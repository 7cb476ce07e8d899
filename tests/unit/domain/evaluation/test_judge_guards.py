"""What follows from a judge's ratings: a fall objects, and a judge that follows the order shows nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from finetune.domain.cost import TokenPrices
from finetune.domain.evaluation.gates import Gates, JudgeSettings
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.judge_guards import judge_doubts, judge_guards, judge_notes
from finetune.domain.evaluation.llm_judge import CRITERIA, Judgement, JudgeReport, Pair, Ratings, report

ITEMS = 60
SETTINGS = JudgeSettings(model="amazon.nova-pro-v1:0")
Rate = Callable[[int, bool], tuple[Ratings, Ratings]]


def rated(score: int, **others: int) -> Ratings:
    return Ratings(**{**dict.fromkeys(CRITERIA, score), **others})


def judged(rate: Rate, text: str = "An answer.") -> JudgeReport:
    """A judge that rates each item in both orders."""
    items = [
        EvaluationItem(id=f"i{n}", line=n + 1, messages=(Turn(role="user", text=f"q{n}"),), reference="r")
        for n in range(ITEMS)
    ]
    orders = (False, True)
    asked = [Pair(f"{item.id}/{order}", item, text, text, swapped=order) for item in items for order in orders]
    calls = []
    for number, pair in enumerate(asked):
        before, candidate = rate(number // 2, pair.swapped)
        calls.append(Judgement(id=pair.id, item=pair.item.id, before=before, candidate=candidate))
    return report(calls, SETTINGS, asked=asked, before="base", prices=TokenPrices())


def states(found: JudgeReport) -> dict[str, str]:
    return {each.name: each.state for each in judge_guards(found, Gates())}


def test_a_judge_that_sees_no_fall_holds_every_criterion() -> None:
    found = judged(lambda _n, _swapped: (rated(4), rated(4)))
    assert set(states(found)) == {"judge", *(f"judge_{name}" for name in CRITERIA)}
    assert set(states(found).values()) == {"held"}
    assert judge_notes(found) == []


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_criterion_that_falls_objects_also_where_the_others_rise(criterion: str) -> None:
    found = judged(lambda _n, _swapped: (rated(3), rated(4, **{criterion: 1})))
    assert states(found)[f"judge_{criterion}"] == "fell"
    assert [each.name for each in judge_guards(found, Gates()) if not each.passed] == [f"judge_{criterion}"]


def test_a_collapse_on_a_few_items_weighs_by_its_size() -> None:
    found = judged(lambda n, _swapped: (rated(5), rated(1 if n % 5 == 0 else 5)))
    assert states(found)["judge"] == "fell"


@pytest.mark.parametrize(
    "rate",
    [
        lambda _n, swapped: (rated(2), rated(4)) if swapped else (rated(4), rated(2)),
        lambda n, swapped: (rated(2), rated(4)) if (n % 2 == 0) == swapped else (rated(4), rated(2)),
    ],
    ids=["the first answer is better", "no rule"],
)
def test_a_judge_that_follows_the_order_shows_nothing(rate: Rate) -> None:
    found = judged(rate)
    assert found.contradicted == 1.0
    assert set(states(found).values()) == {"too_few"}
    assert "contradicts itself in 100% of the items" in judge_notes(found)[0]


def test_a_judge_that_follows_the_order_can_still_object() -> None:
    found = judged(lambda _n, swapped: (rated(3), rated(1)) if swapped else (rated(5), rated(3)))
    assert states(found)["judge"] == "fell"


def test_texts_that_the_judge_saw_only_the_beginning_of_are_counted() -> None:
    found = judged(lambda _n, _swapped: (rated(4), rated(4)), text="long " * 2_000)
    assert judge_notes(found) == [
        f"In {ITEMS} of {ITEMS} items the judge saw only the beginning of a text, its first 8,000 characters."
    ]


def test_ratings_of_few_items_are_a_doubt_that_tells_what_the_service_said() -> None:
    found = judged(lambda _n, _swapped: (rated(4), rated(4)))
    few = found.model_copy(update={"judged": 10, "refusal": "Access denied."})
    [doubt] = judge_doubts(few)
    assert doubt.startswith("The judge rated only 10 of 60 items")
    assert doubt.endswith("It may not be asked: Access denied.")
    assert judge_doubts(found) == judge_doubts(None) == []


def test_reports_of_the_last_release_have_no_criteria() -> None:
    found = judged(lambda _n, _swapped: (rated(4), rated(4))).model_dump(mode="json")
    new = ("by_criterion", "contradicted", "cut")
    old = JudgeReport.model_validate({key: each for key, each in found.items() if key not in new})
    assert states(old) == {"judge": "held"}

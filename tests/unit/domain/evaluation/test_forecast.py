"""What is known of a verdict before anything is trained agrees with the verdict."""

from __future__ import annotations

import pytest

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.forecast import forecast, questions_needed, smallest_gain
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.verdict import decide


def asked(*answers: str, same: bool = False) -> list[EvaluationItem]:
    """Items with these right answers, each of which asks something else."""
    return [
        EvaluationItem(
            id=f"i{number}",
            line=number,
            messages=(Turn(role="user", text="Which one?" if same else f"Which one is number {number} of them?"),),
            reference=answer,
        )
        for number, answer in enumerate(answers, 1)
    ]


def decided(items: list[EvaluationItem], right: int, gates: Gates) -> str:
    """The verdict on a model that answers the first `right` rightly, against one that has only the others right."""
    good = {each.id: Answer(id=each.id, text=each.reference or "", stop_reason="end_turn") for each in items}
    bad = {each.id: Answer(id=each.id, text="?", stop_reason="end_turn") for each in items[:right]}
    return decide(items, {"base": good | bad, "candidate": good}, gates=gates, seed=7).decision


@pytest.mark.parametrize(
    ("items", "gates", "obstacle"),
    [
        ([], Gates(), "there are no evaluation items, and a verdict takes 20."),
        (asked(*"abcdefghijklmnopqrs"), Gates(), "19 evaluation items can be measured by token F1"),
        (asked(*"abcdefghijklmnopqrst", same=True), Gates(), "the 20 evaluation items ask only 1 different questions"),
        (asked(*["yes"] * 16, *["no"] * 4), Gates(), "16 of the 20 evaluation items have the same label"),
        (asked(*"abcdefghijklmnopqrst"), Gates(minimum_gain=1), "gates.minimum_gain is 1"),
        (asked(*"abcdefghi"), Gates(minimum_items=5, confidence=0.999), "and a verdict takes 10."),
    ],
)
def test_where_a_perfect_model_would_not_be_promoted_the_forecast_says_why(
    items: list[EvaluationItem], gates: Gates, obstacle: str
) -> None:
    found = forecast(items, gates)
    assert not found.possible
    assert obstacle in found.sentence
    if items:
        assert decided(items, len(items), gates) != "promote"


@pytest.mark.parametrize(
    ("items", "gates"),
    [
        (asked(*"abcdefghijklmnopqrst"), Gates()),
        (asked(*["yes"] * 12, *["no"] * 8), Gates()),
        (asked(*"abcdefg"), Gates(minimum_items=5)),
        (asked(*"abcdefghijklmnopqrst"), Gates(minimum_gain=0.3)),
    ],
)
def test_where_it_would_be_the_forecast_says_so_and_how_small_a_gain_shows(
    items: list[EvaluationItem], gates: Gates
) -> None:
    found = forecast(items, gates)
    assert found.possible
    assert decided(items, len(items), gates) == "promote"
    assert found.smallest_gain
    assert f"the smallest gain they show is about {100 * found.smallest_gain:.0f} points" in found.sentence


@pytest.mark.parametrize("count", [20, 60, 200])
def test_the_smallest_gain_is_promoted_and_one_improvement_less_is_not(count: int) -> None:
    items, gates = asked(*(f"answer {number}" for number in range(count))), Gates()
    gain = smallest_gain(count, gates)
    assert gain
    improved = round(gain * count)
    exact = {"metric": "exact_match"}
    good = {each.id: Answer(id=each.id, text=each.reference or "", stop_reason="end_turn") for each in items}
    for right, promoted in ((improved, True), (improved - 1, False)):
        bad = {each.id: Answer(id=each.id, text="?", stop_reason="end_turn") for each in items[:right]}
        found = decide(items, {"base": good | bad, "candidate": good}, gates=gates, seed=7, **exact)  # type: ignore[arg-type]  # a metric
        assert (found.decision == "promote") == promoted


def test_more_items_show_a_smaller_gain_and_too_few_none() -> None:
    gains = [smallest_gain(count, Gates()) for count in (20, 100, 400, 5_000)]
    assert gains == sorted(gains, key=lambda gain: -(gain or 0))
    assert smallest_gain(4, Gates()) is None


def test_a_high_bar_takes_more_questions_than_the_least_number() -> None:
    assert questions_needed(Gates()) == 20
    assert questions_needed(Gates(minimum_items=5)) == 5
    assert questions_needed(Gates(minimum_items=5, minimum_gain=0.3)) == 9
    assert questions_needed(Gates(minimum_gain=1)) is None

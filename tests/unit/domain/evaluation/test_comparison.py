"""Two contestants compared: what is called better, worse or chance, and the sentence that says so."""

from __future__ import annotations

import pytest

from finetune.domain.evaluation.comparison import compare, guard


def test_four_improvements_and_no_loss_among_twenty_are_still_chance() -> None:
    pairs = [(0.0, 1.0)] * 4 + [(1.0, 1.0)] * 16
    verdict = compare(pairs, against="base", title="Exact match", minimum_gain=0, confidence=0.95, seed=1)
    assert verdict.difference.low > 0
    assert not verdict.better


def test_a_gain_below_the_required_one_is_not_enough() -> None:
    pairs = [(0.5, 0.54)] * 60 + [(0.5, 0.56)] * 60
    verdict = compare(pairs, against="base", title="Token F1", minimum_gain=0.1, confidence=0.95, seed=1)
    assert not verdict.better
    assert "not shown to be better than the base model by 10 points" in verdict.reason


def test_a_gain_that_may_be_chance_says_how_many_items_would_settle_it() -> None:
    pairs = [(0.0, 1.0)] * 8 + [(1.0, 0.0)] * 5 + [(1.0, 1.0)] * 27
    verdict = compare(pairs, against="champion", title="Exact match", minimum_gain=0, confidence=0.95, seed=1)
    assert verdict.reason.startswith(
        "The custom model is not shown to be better than the model in service: exact match"
    )
    assert verdict.reason.endswith("which may be chance; about 224 such items would settle it.")


def test_where_the_interval_shows_a_gain_and_the_test_does_not_the_test_is_named() -> None:
    pairs = [(0.0, 1.0)] * 5 + [(1.0, 1.0)] * 25
    verdict = compare(pairs, against="base", title="Label accuracy", minimum_gain=0, confidence=0.95, seed=7)
    assert verdict.difference.low > 0
    assert verdict.reason.endswith("which may be chance by the test of the mean (p 3.1%, 2.5% allowed).")


@pytest.mark.parametrize(("lost", "passed"), [(3, True), (4, False)])
def test_a_guard_breaks_when_a_fall_is_both_large_and_no_chance(lost: int, passed: bool) -> None:
    pairs = [(1.0, 0.0)] * lost + [(1.0, 1.0)] * (20 - lost)
    verdict = guard(pairs, name="not_empty", title="Answers", tolerance=0.02, confidence=0.9)
    assert verdict.passed is passed


def test_a_guard_holds_while_the_fall_is_within_its_tolerance() -> None:
    pairs = [(1.0, 0.0)] * 9 + [(1.0, 1.0)] * 991
    assert guard(pairs, name="not_empty", title="Answers", tolerance=0.02, confidence=0.9).passed


def test_a_fall_that_may_be_chance_is_not_called_worse() -> None:
    pairs = [(1.0, 0.0)] * 4 + [(1.0, 1.0)] * 16
    verdict = compare(pairs, against="base", title="Exact match", minimum_gain=0, confidence=0.95, seed=1)
    assert verdict.difference.high < 0
    assert not verdict.fell
    assert verdict.reason.startswith("The custom model is no better than the base model")
    surely = compare(pairs * 3, against="base", title="Exact match", minimum_gain=0, confidence=0.95, seed=1)
    assert surely.fell
    assert surely.reason.startswith("The custom model is worse than the base model")


def test_the_sentence_names_the_confidence_as_it_is_set() -> None:
    verdict = compare([(0.0, 1.0)] * 40, against="base", title="x", minimum_gain=0, confidence=0.999, seed=1)
    assert "(99.9% interval" in verdict.reason

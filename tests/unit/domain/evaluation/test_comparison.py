"""Two contestants compared: what is called better, worse or chance, and the sentence that says so."""

from __future__ import annotations

import pytest

from finetune.domain.evaluation.comparison import compare, guard


def test_four_improvements_and_no_loss_among_twenty_are_still_chance() -> None:
    pairs = [(0.0, 1.0)] * 4 + [(1.0, 1.0)] * 16
    verdict = compare(pairs, against="base", title="Exact match", minimum_gain=0, confidence=0.95)
    assert verdict.difference.low < 0
    assert not verdict.better


def test_a_gain_below_the_required_one_is_not_enough() -> None:
    pairs = [(0.5, 0.54)] * 60 + [(0.5, 0.56)] * 60
    verdict = compare(pairs, against="base", title="Token F1", minimum_gain=0.1, confidence=0.95)
    assert not verdict.better
    assert "not shown to be better than the base model by 10 points" in verdict.reason


def test_a_gain_that_may_be_chance_says_how_many_items_would_settle_it() -> None:
    pairs = [(0.0, 1.0)] * 8 + [(1.0, 0.0)] * 5 + [(1.0, 1.0)] * 27
    verdict = compare(pairs, against="champion", title="Exact match", minimum_gain=0, confidence=0.95)
    assert verdict.reason.startswith(
        "The custom model is not shown to be better than the model in service: exact match"
    )
    assert verdict.reason.endswith(
        "which may be chance; about 454 such questions would settle it in four of five cases."
    )


@pytest.mark.parametrize("gained", range(3, 10))
def test_the_interval_is_above_the_gain_exactly_if_the_model_is_called_better(gained: int) -> None:
    pairs = [(0.0, 1.0)] * gained + [(1.0, 0.0)] * 2 + [(1.0, 1.0)] * 25
    verdict = compare(pairs, against="base", title="Label accuracy", minimum_gain=0, confidence=0.95)
    assert verdict.better is (verdict.difference.low >= 0) is (verdict.mean_test_p <= 0.025)


def test_a_guard_has_three_states() -> None:
    def over(lost: int, items: int) -> str:
        pairs = [(1.0, 0.0)] * lost + [(1.0, 1.0)] * (items - lost)
        return guard(pairs, name="not_empty", title="Answers", tolerance=0.02, confidence=0.9).state

    assert [over(lost, 20) for lost in (0, 2, 3)] == ["too_few", "too_few", "fell"]
    assert [over(0, items) for items in (113, 114)] == ["too_few", "held"]
    assert [over(lost, 1000) for lost in (9, 19, 40)] == ["held", "too_few", "fell"]


@pytest.mark.parametrize("items", [1, 2])
def test_a_category_of_next_to_no_items_that_are_all_lost_is_not_said_to_have_held(items: int) -> None:
    found = guard([(1.0, 0.0)] * items, name="worst_category", title="Category legal", tolerance=0.05, confidence=0.9)
    assert (found.state, found.passed) == ("too_few", True)
    assert found.reason == (
        f"Category legal: too few items to tell, 100.0% before, 0.0% now over {items} items; a fall of up to 5 points "
        "is accepted, and it takes at least 45 to rule out more."
    )


def test_a_collapse_on_a_few_items_weighs_by_its_size() -> None:
    pairs = [(0.5, 0.6)] * 85 + [(1.0, 0.0)] * 15
    found = guard(pairs, name="judge", title="The judge's rating", tolerance=0.05, confidence=0.9)
    assert found.state == "fell"


@pytest.mark.parametrize("now", [0.0, 0.5, 1.0])
def test_a_guard_that_accepts_every_fall_holds(now: float) -> None:
    pairs = [(1.0, now)] * 3 + [(1.0, 0.0)] * 2
    assert guard(pairs, name="x", title="x", tolerance=1.0, confidence=0.9).state == "held"


def test_one_of_many_categories_has_to_fall_surely() -> None:
    pairs = [(1.0, 0.0)] * 5 + [(1.0, 1.0)] * 5
    alone, among = (
        guard(pairs, name="worst_category", title="Category x", tolerance=0.05, confidence=0.9, tests=tests)
        for tests in (1, 20)
    )
    assert (alone.state, among.state) == ("fell", "too_few")


def test_wordings_of_one_question_have_one_vote() -> None:
    pairs = [(1.0, 0.0)] * 10 + [(0.0, 1.0)] * 10 + [(1.0, 1.0)] * 20
    groups = [0] * 10 + list(range(1, 31))
    found = compare(pairs, against="base", title="Exact match", minimum_gain=0, confidence=0.95, groups=groups)
    alone = compare([(1.0, 0.0), *pairs[10:]], against="base", title="Exact match", minimum_gain=0, confidence=0.95)
    assert (found.questions, found.difference, found.scores) == (31, alone.difference, alone.scores)
    assert found.better


def test_a_fall_that_may_be_chance_is_not_called_worse() -> None:
    pairs = [(1.0, 0.0)] * 4 + [(1.0, 1.0)] * 16
    verdict = compare(pairs, against="base", title="Exact match", minimum_gain=0, confidence=0.95)
    assert not verdict.fell
    assert verdict.reason.startswith("The custom model is no better than the base model")
    surely = compare(pairs * 3, against="base", title="Exact match", minimum_gain=0, confidence=0.95)
    assert surely.fell
    assert surely.reason.startswith("The custom model is worse than the base model")


def test_the_sentence_names_the_confidence_as_it_is_set() -> None:
    verdict = compare([(0.0, 1.0)] * 40, against="base", title="x", minimum_gain=0, confidence=0.999)
    assert "(99.9% interval" in verdict.reason

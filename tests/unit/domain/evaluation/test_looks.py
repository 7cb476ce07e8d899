"""Every look at an evaluation set is counted, and the chance of a false promotion is bounded over all of them."""

from __future__ import annotations

import math
import random
from functools import cache

import pytest

from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.looks import Look, look_at, number_of, sentence
from finetune.domain.evaluation.significance import p_value
from tests.evaluating import items
from tests.sizes import sized

ITEMS, GATES = 200, Gates()
FIRST_FIVE, FORTY = 0.05, 0.10


def look(count: int = 100, model: str = "a", metric: str = "label", first: int = 0, **more: str) -> Look:
    return look_at(items(first + count, **more)[first:], model=model, metric=metric)


def test_another_model_is_another_look_and_the_same_one_is_not() -> None:
    earlier = [look(model="a"), look(model="b")]
    assert [number_of(look(model=name), earlier) for name in "abc"] == [2, 2, 3]
    assert number_of(look(model="a"), []) == 1
    assert number_of(look(model="a"), [look(model="a")]) == 1


def test_another_metric_and_other_references_are_another_chance_for_the_same_model() -> None:
    assert number_of(look(metric="chrf"), [look()]) == 2
    assert number_of(look(reference="Within 10 days."), [look()]) == 2


@pytest.mark.parametrize(("count", "first"), [(101, 0), (90, 0), (100, 20)])
def test_a_set_with_a_few_questions_more_or_fewer_is_no_new_one(count: int, first: int) -> None:
    assert number_of(look(count, "b", first=first), [look()]) == 2


@pytest.mark.parametrize(("count", "first"), [(100, 100), (100, 60), (400, 0)])
def test_a_set_whose_questions_are_mostly_others_starts_anew(count: int, first: int) -> None:
    assert number_of(look(count, "b", first=first), [look()]) == 1


def test_names_lines_and_order_of_the_items_mean_nothing() -> None:
    renamed = [each.model_copy(update={"id": f"x{each.line}", "line": each.line + 7}) for each in items(100)]
    assert look_at(reversed(renamed), model="a", metric="label") == look()


def test_the_first_look_has_the_users_confidence_and_no_number_of_looks_spends_more_than_ten_percent() -> None:
    assert GATES.at(1) == GATES
    assert GATES.level(1) == pytest.approx(0.025)
    assert GATES.at(2).confidence == pytest.approx(0.983)
    assert sum(map(GATES.level, range(1, 41))) <= FORTY
    assert sum(map(GATES.level, range(1, 100_000))) <= FORTY
    levels = list(map(GATES.level, range(1, 200)))
    assert levels == sorted(levels, reverse=True)


def test_the_levels_are_a_setting() -> None:
    own = Gates(confidence=0.9, later_looks=(0.5,))
    assert [own.level(number) for number in (1, 2, 4)] == pytest.approx([0.05, 0.025, 0.00625])


def test_the_sentence_names_the_look_its_level_and_when_the_set_is_to_be_renewed() -> None:
    assert "look 1 at this evaluation set" in sentence(1, GATES)
    assert "2.5%" in sentence(1, GATES)
    assert "look 3 " in sentence(3, GATES)
    assert "0.85% instead of 2.5%. Renew the set after look 5." in sentence(3, GATES)
    for number in (5, 6, 40):
        assert "Renew the set now: with new questions the count starts anew." in sentence(number, GATES)


@cache
def p_of(better: int, worse: int) -> float:
    return p_value([1.0] * better + [-1.0] * worse + [0.0] * (ITEMS - better - worse))


def promoted(better: float, worse: float, level: float) -> float:
    """The exact chance of a promotion, if so large shares of the items get better and worse."""
    total = 0.0
    for changed in range(1, 100):
        share = better + worse
        some = math.comb(ITEMS, changed) * share**changed * (1 - share) ** (ITEMS - changed)
        for ups in range(changed // 2 + 1, changed + 1):
            if p_of(ups, changed - ups) <= level:
                total += some * math.comb(changed, ups) * (better / share) ** ups * (worse / share) ** (changed - ups)
    return total


def test_each_of_the_first_five_looks_loses_at_most_ten_points_of_power() -> None:
    first = promoted(0.15, 0.05, GATES.level(1))
    assert first >= 0.9
    assert all(promoted(0.15, 0.05, GATES.level(number)) >= first - 0.1 for number in range(2, 6))


class World:
    """A set on which each item is answered right with a chance of `numerator` in 256, or its complement."""

    def __init__(self, numerator: int, seed: int) -> None:
        self.chance, self.numerator = random.Random(seed), numerator  # noqa: S311 - a test must be repeatable
        self.hard = self.chance.getrandbits(ITEMS)

    def model(self) -> int:
        """One model's right answers as bits; all models are equally good at each item."""
        drawn = 0
        for bit in range(8):
            word = self.chance.getrandbits(ITEMS)
            drawn = drawn | word if self.numerator >> bit & 1 else drawn & word
        return drawn ^ self.hard

    def false_promotions(self, looks: int, gates: Gates | None) -> list[bool]:
        base, level = self.model(), [(gates or GATES).level(n if gates else 1) for n in range(1, looks + 1)]
        tried = [self.model() for _ in range(looks)]
        return [
            p_of((one & ~base).bit_count(), (base & ~one).bit_count()) <= each
            for one, each in zip(tried, level, strict=True)
        ]


def any_false_promotion(numerator: int, sets: int, gates: Gates | None) -> dict[int, float]:
    """The share of sets with a false promotion among the first 1, 5 and 40 useless candidates."""
    found = [World(numerator, seed).false_promotions(40, gates) for seed in range(sets)]
    return {first: sum(any(each[:first]) for each in found) / sets for first in (1, 5, 40)}


@pytest.mark.parametrize("numerator", [15, 29, 128], ids=["a tenth changes", "a fifth changes", "half changes"])
def test_forty_useless_candidates_keep_to_the_levels(numerator: int) -> None:
    sets = sized(4_000, 20_000)
    shares = any_false_promotion(numerator, sets, GATES)
    for first, bound in ((1, 0.026), (5, FIRST_FIVE), (40, FORTY)):
        error = math.sqrt(bound * (1 - bound) / sets)
        assert shares[first] <= bound + 2 * error, (first, shares, error)


def test_without_counting_forty_useless_candidates_would_break_the_level() -> None:
    assert any_false_promotion(29, sized(500, 20_000), None)[40] > 2 * FORTY

"""Routing deals users to models: by weight, for good, and moving no more of them than it must."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.routing import Interaction, assign, pseudonym, summarise, wilson

USERS = [f"user-{number}" for number in range(20_000)]
ARMS = st.dictionaries(st.sampled_from(["base", "champion", "candidate", "other"]), st.floats(0.01, 100), min_size=1)


def dealt(weights: dict[str, float], experiment: str = "") -> dict[str, str]:
    return {user: assign(user, weights, experiment=experiment) for user in USERS}


def moves(before: dict[str, str], after: dict[str, str]) -> set[tuple[str, str]]:
    return {(before[user], after[user]) for user in before if before[user] != after[user]}


def test_shares_follow_the_weights_whatever_their_unit() -> None:
    shares = Counter(dealt({"base": 20, "champion": 70, "candidate": 10}).values())
    for arm, share in {"base": 0.2, "champion": 0.7, "candidate": 0.1}.items():
        assert shares[arm] / len(USERS) == pytest.approx(share, abs=0.01)
    assert dealt({"base": 2, "champion": 7}) == dealt({"base": 0.2, "champion": 0.7})


def test_an_assignment_never_changes_between_processes_or_versions() -> None:
    fixed = {"user-1": "base", "user-2": "base", "Größe": "champion", "": "champion"}
    weights = {"champion": 1, "base": 1}
    assert {user: assign(user, weights, experiment="fixed") for user in fixed} == fixed
    code = (
        f"from finetune.routing import assign; print([assign(u, {weights}, experiment='fixed') for u in {list(fixed)}])"
    )
    for seed in ("0", "1"):
        told = subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == str(list(fixed.values()))


def test_applications_need_neither_boto3_nor_pydantic() -> None:
    code = "import sys, finetune.routing; print(sorted({'boto3', 'botocore', 'pydantic'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - this interpreter
    assert told.stdout.strip() == "[]"


def test_a_raised_weight_is_only_joined_and_by_no_more_users_than_its_share_grew() -> None:
    before, after = dealt({"champion": 90, "candidate": 10}), dealt({"champion": 90, "candidate": 30})
    assert moves(before, after) == {("champion", "candidate")}
    moved = sum(before[user] != after[user] for user in USERS) / len(USERS)
    assert moved == pytest.approx(30 / 120 - 10 / 100, abs=0.01)


def test_a_dropped_arm_is_left_by_its_own_users_only() -> None:
    before = dealt({"base": 30, "champion": 60, "candidate": 10})
    after = dealt({"base": 30, "champion": 60, "candidate": 0})
    assert {origin for origin, _ in moves(before, after)} == {"candidate"}


def test_a_user_moves_only_to_an_arm_whose_weight_grew_beside_that_of_their_own() -> None:
    moved = set[str]()

    @given(ARMS, ARMS, st.text(max_size=20))
    def holds(before: dict[str, float], after: dict[str, float], user: str) -> None:
        one, other = assign(user, before), assign(user, after)
        if one != other and after.get(one):
            moved.add(user)
            assert after[other] / after[one] > before.get(other, 0) / before[one]

    holds()
    assert moved


@given(ARMS, st.text(max_size=20))
def test_the_order_of_the_arms_is_of_no_matter(weights: dict[str, float], user: str) -> None:
    assert assign(user, weights) == assign(user, dict(reversed(weights.items())))


def test_two_experiments_deal_independently() -> None:
    weights = {"champion": 1.0, "candidate": 1.0}
    one, other = dealt(weights, "one"), dealt(weights, "other")
    assert sum(one[user] == other[user] for user in USERS) / len(USERS) == pytest.approx(0.5, abs=0.02)
    assert pseudonym("user", experiment="one") != pseudonym("user", experiment="other")


@pytest.mark.parametrize(
    ("weights", "words"),
    [({}, "at least one arm"), ({"a": 0}, "at least one arm"), ({"a": -1}, "'a' is -1"), ({"a": float("nan")}, "nan")],
)
def test_weights_that_say_nothing_are_refused(weights: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        assign("user", weights)


def interaction(arm: str, rating: int | None, user: str = "u") -> Interaction:
    return Interaction(
        at=datetime(2026, 11, 21, tzinfo=UTC),
        experiment="e",
        arm=arm,
        user=user,
        model_arn="arn",
        latency_ms=1,
        rating=rating,
    )


def test_feedback_is_counted_by_arm_and_silence_is_no_rating() -> None:
    seen = [interaction("b", 5), interaction("b", 2, "v"), interaction("b", None), interaction("a", None)]
    told = summarise(seen)
    assert list(told) == ["a", "b"]
    assert (told["a"].interactions, told["a"].rated, told["a"].mean_rating, told["a"].low) == (1, 0, None, None)
    assert (told["b"].interactions, told["b"].users, told["b"].rated) == (3, 2, 2)
    assert (told["b"].mean_rating, told["b"].liked) == (3.5, 0.5)


def test_a_user_who_rates_often_does_not_narrow_the_interval() -> None:
    once = [interaction("a", 5 if number < 3 else 1, f"user-{number}") for number in range(5)]
    often, seldom = summarise(once * 20)["a"], summarise(once)["a"]
    assert (often.liked, often.rated, often.users) == (0.6, 100, 5)
    assert (often.low, often.high) == (seldom.low, seldom.high)


@pytest.mark.parametrize("line", ["{}", "[]", "null", "not json", '{"at": "x"}', '{"at": 1}'])
def test_a_line_that_is_no_interaction_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Interaction.from_json(line)


@pytest.mark.parametrize("change", [{"rating": 0}, {"rating": 6}, {"at": datetime(2026, 11, 21)}])  # noqa: DTZ001 - what is refused
def test_an_interaction_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    given_values = {name: getattr(interaction("a", 3), name) for name in Interaction.__slots__} | change
    with pytest.raises(ValueError, match=r"rating|time zone"):
        Interaction(**given_values)


@given(st.integers(1, 500).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_interval_holds_the_share_and_stays_between_0_and_1(counts: tuple[int, int]) -> None:
    low, high = wilson(*counts)
    assert 0 <= low <= counts[0] / counts[1] + 1e-12
    assert counts[0] / counts[1] - 1e-12 <= high <= 1
    assert low < high


def test_the_interval_agrees_with_published_figures() -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for counts, (low, high) in published.items():
        assert wilson(*counts) == pytest.approx((low, high), abs=5e-5)

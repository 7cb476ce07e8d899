"""Which records are held out: as many as asked for, the same whatever the order, each label in its share."""

from __future__ import annotations

import json
import random
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.json_lines import from_jsonl
from finetune.domain.staging import assignment
from tests.sizes import sized
from tests.staging import (
    COHERE,
    LLAMA_31,
    NOVA_2_LITE,
    NOVA_PRO,
    Prepared,
    pictured,
    prompts,
    record,
    records,
)


@pytest.mark.parametrize(
    ("count", "expected"), [(10, (8, 1, 1)), (32, (26, 3, 3)), (100, (80, 10, 10)), (1001, (801, 100, 100))]
)
def test_shares_are_exact_to_the_record(count: int, expected: tuple[int, int, int]) -> None:
    assert Prepared(records(count)).sizes == expected


@given(st.integers(0, 60), st.floats(0, 0.4), st.floats(0, 0.4), st.integers(-5, 2**70))
@settings(max_examples=sized(40, full=400))
def test_any_shares_are_exact(count: int, validation: float, evaluation: float, seed: int) -> None:
    made = Prepared(records(count), shares=(validation, evaluation), seed=seed)
    held = int(evaluation * count + 0.5)
    assert made.sizes[2] == held
    assert made.sizes[1] == min(int(validation * count + 0.5), count - held)
    assert sum(made.sizes) == count


GROUPED = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 5), st.sampled_from(["{}", " {}", "{}?", "{}!"])), max_size=40
)


@given(GROUPED, st.randoms(use_true_random=False))
@settings(max_examples=sized(60, full=600))
def test_the_split_does_not_depend_on_the_order_and_never_divides_a_prompt(
    rows: list[tuple[int, int, str]], rng: random.Random
) -> None:
    lines = [record(shape.format(f"Question {prompt}"), f"answer {answer}") for prompt, answer, shape in rows]
    shuffled = rng.sample(lines, len(lines))
    made, again = Prepared(lines, shares=(0.2, 0.2)), Prepared(shuffled, shares=(0.2, 0.2))
    assert (made.training, made.validation) == (again.training, again.validation)
    assert [i.id for i in from_jsonl(made.evaluation, EvaluationItem)] == [
        i.id for i in from_jsonl(again.evaluation, EvaluationItem)
    ]
    groups = [prompts(made.training), prompts(made.validation), prompts(made.evaluation)]
    assert sum(map(len, groups)) == len(set().union(*groups)) == len({prompt for prompt, _, _ in rows})
    assert made.result.accounting.total == len(lines)
    assert made.result.accounting.staged == len({(prompt, answer) for prompt, answer, _ in rows})


def test_appending_rows_moves_next_to_nothing() -> None:
    before = Prepared(records(1000))
    after = Prepared(records(1010))
    assert len(prompts(before.evaluation) - prompts(after.evaluation)) <= 3
    assert len((prompts(before.evaluation) | prompts(before.validation)) & prompts(after.training)) <= 3


def test_another_seed_gives_another_split() -> None:
    assert prompts(Prepared(records(100)).evaluation) != prompts(Prepared(records(100), seed=8).evaluation)


def test_training_keeps_the_minimum_of_the_base_model() -> None:
    made = Prepared(records(105), model=LLAMA_31, minimum=None)
    assert sum(made.sizes) == 105
    assert made.sizes[0] == 100
    assert "so that training keeps the 100 records" in made.result.notes[0]
    assert Prepared(records(100), model=LLAMA_31, minimum=None).sizes == (100, 0, 0)


def test_a_validation_set_has_the_least_size_the_model_asks_for_or_none() -> None:
    assert Prepared(records(100), model=COHERE, minimum=None).sizes == (58, 32, 10)
    made = Prepared(records(60), model=COHERE, minimum=None)
    assert made.sizes[1] == 0
    assert any("No validation set" in note for note in made.result.notes)


def test_no_validation_set_is_held_out_where_the_service_splits_itself() -> None:
    assert Prepared(records(100), model=NOVA_2_LITE).sizes == (90, 0, 10)


def test_as_many_are_held_out_as_a_verdict_takes_where_a_fifth_of_all_is_as_many() -> None:
    made = Prepared(records(149), shares=(0.0, 0.1, 20))
    assert made.sizes == (129, 0, 20)
    assert made.result.notes == ("20 records are held out for evaluation instead of 15; a verdict needs that many.",)
    assert Prepared(records(99), shares=(0.0, 0.1, 20)).sizes == (89, 0, 10)
    assert Prepared(records(149), shares=(0.0, 0.0, 20)).sizes == (149, 0, 0)


LABELS = st.lists(st.integers(0, 3), min_size=40, max_size=200)


@given(LABELS, st.randoms(use_true_random=False))
@settings(max_examples=sized(40, full=400))
def test_each_label_keeps_its_share_to_the_record(labels: list[int], rng: random.Random) -> None:
    lines = [record(f"text number {n}", f"label {label}") for n, label in enumerate(labels)]
    made = Prepared(lines, shares=(0.2, 0.1))
    again = Prepared(rng.sample(lines, len(lines)), shares=(0.2, 0.1))
    assert made.validation == again.validation
    assert made.sizes[1:] == (floor(0.2 * len(labels) + 0.5), floor(0.1 * len(labels) + 0.5))
    held = [json.loads(text)["messages"][-1]["content"][0]["text"] for text in made.validation.splitlines()]
    asked = [item.reference for item in from_jsonl(made.evaluation, EvaluationItem)]
    for label in set(labels):
        own = labels.count(label)
        assert abs(held.count(f"label {label}") - own * made.sizes[1] / len(labels)) <= 1
        assert abs(asked.count(f"label {label}") - own * made.sizes[2] / len(labels)) <= 1


def test_labels_of_pictures_are_held_out_in_their_proportions() -> None:
    rows = [pictured("What is on this picture?", str(n), "a cat" if n % 5 else "a dog") for n in range(100)]
    made = Prepared(rows, model=NOVA_PRO, shares=(0.2, 0))
    assert (made.validation.count(b"a cat"), made.validation.count(b"a dog")) == (16, 4)


def test_a_text_that_nearly_equals_what_cannot_be_asked_is_not_held_out_for_evaluation() -> None:
    """Both are kept together, and records with pictures cannot be evaluation items."""
    words = "the quick brown fox jumps over the lazy dog while a slow green turtle crawls under the old wooden bridge"
    lines = []
    for number in range(40):
        own = " ".join(f"{word}{number}" for word in words.split())
        turns = [("user", own), ("assistant", f"yes {number}")]
        messages = [{"role": role, "content": [{"text": text}]} for role, text in turns]
        lines += [json.dumps({"messages": messages}).encode(), pictured(f"{own} today", str(number))]
    assert Prepared(lines[::2], model=NOVA_PRO, shares=(0, 0.2)).sizes == (32, 0, 8)
    assert Prepared(lines, model=NOVA_PRO, shares=(0, 0.2)).sizes == (80, 0, 0)


def test_prompts_that_nearly_equal_each_other_stay_on_one_side() -> None:
    words = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe", "ra", "so") for b in ("te", "de", "n", "s", "re", "ge")]
    rng = random.Random(5)  # noqa: S311 - texts, not secrets
    lines = []
    for n in range(60):
        text = [rng.choice(words) + str(n) * (rng.random() < 0.5) for _ in range(60)]
        copies = (" ".join([*text[:30], f"number{changed}", *text[31:]]) for changed in range(3))
        lines += [record(copy, f"answer {n} {changed}") for changed, copy in enumerate(copies)]
    made = Prepared(lines, shares=(0.2, 0.2))
    sides: dict[str, set[str]] = {}
    for side, data in (("training", made.training), ("validation", made.validation)):
        for text in data.splitlines():
            sides.setdefault(json.loads(text)["messages"][1]["content"][0]["text"].split()[1], set()).add(side)
    for item in from_jsonl(made.evaluation, EvaluationItem):
        sides.setdefault((item.reference or "").split()[1], set()).add("evaluation")
    assert len(sides) == 60
    assert sum(len(found) > 1 for found in sides.values()) <= 3
    assert made.sizes == (108, 36, 36)


def test_no_more_items_are_held_out_than_an_evaluation_set_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, "MOST_ITEMS", 7)
    made = Prepared(records(100))
    assert made.sizes == (83, 10, 7)
    assert made.result.notes == (
        "7 records are held out for evaluation instead of 10; an evaluation set has at most 7 items and 64 MiB.",
    )


def test_long_records_are_held_out_only_as_far_as_they_fit_an_evaluation_set(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [record(f"question {n} " + f"{n} word " * 2_000, f"answer {n}") for n in range(100)]
    monkeypatch.setattr(assignment, "MOST_BYTES", 100_000)
    made = Prepared(lines)
    assert 2 <= made.sizes[2] < 10
    assert len(made.evaluation) <= 100_000

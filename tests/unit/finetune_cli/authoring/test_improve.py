"""Choosing records: as different as can be, in any order, and at most so many of a kind."""

from __future__ import annotations

from collections import Counter

from finetune.domain.records.source import Source
from finetune_cli.authoring.cleaning import Change, clean, ignore
from finetune_cli.authoring.improve import diverse, groups_of, select, trait_of
from finetune_cli.authoring.samples import sample
from tests.authoring import LLAMA, records_of


def test_a_limited_sample_prefers_what_differs() -> None:
    alike = [
        {"prompt": f"Where is my parcel number {n} please tell me now?", "completion": f"In depot {n}."}
        for n in range(50)
    ]
    others = [
        {"prompt": "How tall can a sunflower grow in shade?", "completion": "Two metres at most."},
        {"prompt": "Name a verb that means to walk slowly.", "completion": "To amble."},
        {"prompt": "Which spices go into a Thuringian dumpling?", "completion": "Nutmeg alone."},
    ]
    traits = [trait_of(place, record, 7) for place, record in records_of([*alike, *others])]
    changes: list[Change] = []
    selection = select(traits, changes.append, limit=4)
    kept = {place.line for place in selection.places}
    assert {51, 52, 53} <= kept
    assert len(kept) == 4
    assert {change.line for change in changes} == set(range(1, 54)) - kept


def test_a_sample_does_not_depend_on_the_order_of_the_records() -> None:
    lines = list(sample(300, "prompt_completion", 3))
    chosen = []
    for order in (lines, lines[::-1]):
        found = list(clean(Source([b"\n".join(order)], ".jsonl"), LLAMA, ignore))
        traits = [trait_of(place, record, 7) for place, record in found]
        chosen.append({found[position][1].texts[0] for position in diverse(traits, 40)})
    assert chosen[0] == chosen[1]


def test_labels_are_capped_each() -> None:
    values = [
        {"prompt": f"Message {n} about {'money' if n % 5 else 'love'}", "completion": "spam" if n % 5 else "ham"}
        for n in range(100)
    ]
    traits = [trait_of(place, record, 7) for place, record in records_of(values)]
    changes: list[Change] = []
    selection = select(traits, changes.append, balance=30)
    kept = Counter(values[place.line - 1]["completion"] for place in selection.places)
    assert kept == {"spam": 30, "ham": 20}
    assert sorted(selection.room.values()) == [0, 10]
    assert all("records have the same answer as line 2; 30 of them are kept" in change.message for change in changes)


def test_topics_are_capped_where_answers_all_differ() -> None:
    topics = ["delivery", "invoice", "warranty", "password", "bicycle", "returns"]
    values = [
        {"prompt": f"Tell me more on the {topic} of order {n}", "completion": f"Answer {topic} {n}"}
        for topic in topics
        for n in range(30 if topic == "delivery" else 60)
    ]
    traits = [trait_of(place, record, 7) for place, record in records_of(values)]
    kind, groups = groups_of(traits)
    assert (kind, len(set(groups))) == ("topic", 6)
    assert len(select(traits, ignore, balance=40).places) == 30 + 5 * 40

"""Cleaning a dataset: every line is written or has its reason, and what is written is accepted."""

from __future__ import annotations

from finetune.domain.records.source import Source
from finetune.domain.validation.check import check_dataset
from finetune_cli.authoring.cleaning import Change, clean
from tests.authoring import LLAMA, NOVA, fix, jsonl, pair, turns


def test_every_line_is_written_or_has_a_change() -> None:
    values = [pair(1), pair(2), {"prompt": "x"}, pair(1), 7, {"prompt": "User: hi", "completion": "ho"}]
    kept, changes = fix(values)
    assert len(kept) == 2
    assert [(change.line, change.action, change.code) for change in changes] == [
        (3, "removed", "missing-key"),
        (4, "removed", "duplicate-record"),
        (5, "removed", "not-an-object"),
        (6, "removed", "reserved-string"),
        (None, "converted", "prompt-completion"),
    ]


def test_what_is_written_passes_the_check_and_keeps_its_order() -> None:
    values = [pair(number) for number in range(40)] + [turns("user", "Hi, you?", "assistant", "Good.")]
    kept, _ = fix(values)
    assert check_dataset([jsonl(kept)], suffix=".jsonl", rules=NOVA).accepted
    assert [record["messages"][0]["content"][0]["text"] for record in kept[:40]] == [
        f"Question number {number}?" for number in range(40)
    ]


def test_a_record_of_the_rarer_shape_goes_where_the_base_model_wants_one_shape() -> None:
    with_system = {**turns("user", "a?", "assistant", "b"), "system": "Be kind."}
    kept, changes = fix([pair(1), pair(2), with_system])
    assert len(kept) == 2
    assert changes[0] == Change(3, "removed", "section-not-in-all", "has the section 'system', unlike most records")
    kept, changes = fix([pair(1), pair(2), with_system], LLAMA)
    assert len(kept) == 3


def test_a_file_that_is_none_is_one_change() -> None:
    changes: list[Change] = []
    assert list(clean(Source([b"\x1f\x8b"], ".jsonl"), NOVA, changes.append)) == []
    assert [(change.line, change.code) for change in changes] == [(None, "not-a-text-file")]

"""What `finetune batch` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_what_is_not_said_has_its_default() -> None:
    read = command_of("batch").make_context("batch", ["shop", "a.jsonl", "--out", "b.jsonl", "--most-usd", "2"]).params
    assert (read["most_usd"], read["yes"], read["max_tokens"]) == (2.0, False, None)

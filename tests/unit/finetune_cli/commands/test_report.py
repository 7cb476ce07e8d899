"""What `finetune report` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_what_is_not_said_has_its_default() -> None:
    read = command_of("report").make_context("report", ["a"]).params
    assert (read["run"], read["dataset"], read["out"]) == ("a", False, None)

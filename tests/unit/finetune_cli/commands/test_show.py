"""What `finetune show` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_what_is_not_said_has_its_default() -> None:
    read = command_of("show").make_context("show", ["a"]).params
    assert (read["run"], read["stack"]) == ("a", "finetune")

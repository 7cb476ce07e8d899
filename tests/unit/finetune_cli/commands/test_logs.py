"""What `finetune logs` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_what_is_not_said_has_its_default() -> None:
    read = command_of("logs").make_context("logs", ["a"]).params
    assert (read["run"], read["most"]) == ("a", 1000)

"""What `finetune ask` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_what_is_not_said_has_its_default() -> None:
    read = command_of("ask").make_context("ask", ["shop"]).params
    assert (read["model"], read["prompt"], read["compare"], read["yes"]) == ("shop", None, False, False)

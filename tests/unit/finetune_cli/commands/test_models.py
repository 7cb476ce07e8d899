"""What `finetune models` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_what_is_not_said_has_its_default() -> None:
    read = command_of("models").make_context("models", []).params
    assert (read["project"], read["stack"]) == (None, "finetune")

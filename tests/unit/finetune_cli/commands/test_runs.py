"""What `finetune runs` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_what_is_not_said_has_its_default() -> None:
    read = command_of("runs").make_context("runs", []).params
    assert (read["project"], read["most"], read["local"]) == (None, 20, False)

"""What `finetune costs` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_without_a_project_all_are_meant() -> None:
    read = command_of("costs").make_context("costs", []).params
    assert (read["project"], read["stack"], read["json"]) == (None, "finetune", False)

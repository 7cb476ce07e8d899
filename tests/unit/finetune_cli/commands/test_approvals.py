"""What `finetune approvals` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_without_a_project_all_of_the_default_stack_are_meant() -> None:
    read = command_of("approvals").make_context("approvals", []).params
    assert (read["project"], read["stack"]) == (None, "finetune")

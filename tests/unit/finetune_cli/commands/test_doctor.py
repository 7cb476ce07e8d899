"""What `finetune doctor` is called with."""

from __future__ import annotations

from finetune_cli.parser import command_of


def test_without_a_project_the_default_settings_are_asked_about() -> None:
    read = command_of("doctor").make_context("doctor", []).params
    assert (read["project"], read["stack"], read["json"]) == (None, "finetune", False)

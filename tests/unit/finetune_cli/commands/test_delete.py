"""What `finetune delete` is called with."""

from __future__ import annotations

import pytest

from finetune_cli.parser import command_of
from tests.command import finetune


def test_nothing_is_done_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("delete") == 2
    assert "Missing argument 'TARGET'. See `finetune delete --help`." in capsys.readouterr().err


def test_the_flag_is_off_unless_it_is_given() -> None:
    for given, value in (([], False), (["--yes"], True)):
        assert command_of("delete").make_context("delete", ["shop", *given]).params["yes"] is value

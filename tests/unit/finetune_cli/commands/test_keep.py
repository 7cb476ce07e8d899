"""What `finetune keep` is called with."""

from __future__ import annotations

import pytest

from finetune_cli.parser import command_of
from tests.command import finetune


def test_nothing_is_done_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("keep") == 2
    assert "Missing argument 'MODEL'. See `finetune keep --help`." in capsys.readouterr().err


def test_the_flag_is_off_unless_it_is_given() -> None:
    for given, value in (([], False), (["--not"], True)):
        assert command_of("keep").make_context("keep", ["shop", *given]).params["let_go"] is value

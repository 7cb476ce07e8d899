"""What `finetune access` is called with."""

from __future__ import annotations

import pytest

from finetune_cli.commands.access import PARTS
from finetune_cli.parser import command_of
from tests.command import finetune


def test_nothing_is_printed_without_a_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("access", "shop") == 2
    assert "Missing option '--as'" in capsys.readouterr().err


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_taken(part: str) -> None:
    assert command_of("access").make_context("access", ["shop", "--as", part]).params["part"] == part


def test_another_part_is_refused_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("access", "shop", "--as", "admin") == 2
    told = capsys.readouterr().err
    assert all(part in told for part in PARTS)

"""What `finetune approve` is called with."""

from __future__ import annotations

import pytest

from finetune_cli.parser import command_of
from tests.command import finetune


def test_a_run_is_named_and_a_reason_may_be(capsys: pytest.CaptureFixture[str]) -> None:
    read = command_of("approve").make_context("approve", ["shop-1", "--reason", "why"]).params
    assert (read["run"], read["reason"], read["stack"]) == ("shop-1", "why", "finetune")
    assert finetune("approve") == 2
    assert "Missing argument 'RUN'. See `finetune approve --help`." in capsys.readouterr().err

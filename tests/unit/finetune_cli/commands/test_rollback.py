"""What `finetune rollback` is called with."""

from __future__ import annotations

import pytest

from tests.command import finetune


def test_nothing_is_rolled_back_without_the_name_of_a_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("rollback") == 2
    assert "Missing argument 'PROJECT'. See `finetune rollback --help`." in capsys.readouterr().err

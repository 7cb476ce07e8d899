"""What `finetune resume` is called with."""

from __future__ import annotations

import pytest

from tests.command import finetune


def test_nothing_is_resumed_without_the_name_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("resume") == 2
    assert "Missing argument 'RUN'. See `finetune resume --help`." in capsys.readouterr().err

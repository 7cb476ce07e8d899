"""What `finetune review` is called with."""

from __future__ import annotations

import pytest

from tests.command import finetune


def test_without_a_form_there_is_nothing_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("review") == 2
    assert "Missing argument 'FILE'. See `finetune review --help`." in capsys.readouterr().err

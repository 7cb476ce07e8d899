"""What `finetune evaluate` is called with."""

from __future__ import annotations

import pytest

from tests.command import finetune


@pytest.mark.parametrize("given", [("--project", "shop"), ("--model", "arn")])
def test_nothing_is_evaluated_without_a_model_and_a_project(
    given: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    missing = {"--project": "--model", "--model": "--project"}[given[0]]
    assert finetune("evaluate", *given) == 2
    assert f"Missing option '{missing}'. See `finetune evaluate --help`." in capsys.readouterr().err

"""What `finetune completion` is called with."""

from __future__ import annotations

import pytest
from click.shell_completion import get_completion_class

from finetune_cli.commands.completion import SHELLS
from tests.command import finetune


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_is_one_that_click_knows(shell: str) -> None:
    assert get_completion_class(shell)


def test_another_shell_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("completion", "tcsh") == 2
    assert "'tcsh' is not one of 'bash', 'fish', 'powershell', 'zsh'." in capsys.readouterr().err

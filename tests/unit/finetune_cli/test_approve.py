"""`finetune approve` gives its own decision."""

from __future__ import annotations

from typing import Any

import pytest

from finetune_cli import approve, deciding
from finetune_cli.commands.approve import Options
from finetune_cli.console import Console


def test_the_command_is_its_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(deciding, "decide", lambda *all_of_it: given.extend(all_of_it))
    approve.run(Options(stack="finetune", run="shop-1", question=0, reason=""), Console(None))
    assert given[1] == "approve"

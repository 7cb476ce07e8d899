"""The `finetune` command as tests call it, and small datasets to call it with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetune_cli.main import main
from tools.project import ROOT

EXAMPLE = ROOT / "examples" / "shop-assistant"


def finetune(*arguments: object) -> int:
    """The exit code of one call."""
    return main([*map(str, arguments)])


def check(*arguments: object) -> int:
    return finetune("check", *arguments)


def prepare(*arguments: object) -> int:
    return finetune("prepare", *arguments)


def answered(capsys: pytest.CaptureFixture[str]) -> Any:
    """The result in what a call with `--json` has printed."""
    return json.loads(capsys.readouterr().out)["result"]


def write(path: Path, *records: Any) -> Path:
    """The records as a file of JSON Lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def pair(number: int, answer: str | None = None) -> dict[str, str]:
    return {"prompt": f"What is thing number {number}?", "completion": answer or f"It is the answer {number}."}

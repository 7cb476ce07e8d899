"""The program of the README that asks a published endpoint works as it stands there."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.stacks import deployed
from tools.project import ROOT

PYTHON = re.compile(r"```python\n(import json, boto3\n.*?)```", re.DOTALL)


def test_the_python_of_the_readme_prints_the_answer_of_the_published_endpoint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [program] = PYTHON.findall((ROOT / "README.md").read_text())
    with deployed() as stack:
        model = stack.model("shop-assistant", 1)
        stack.publish("shop-assistant", 1, model, stack.endpoint("shop-assistant", 1, model))
        names: dict[str, Any] = {}
        exec(program, names)  # noqa: S102 - a program of ours
        told = capsys.readouterr().out.strip()
        said = names["answer"]["output"]["message"]["content"][0]["text"]
    assert told == said
    assert said

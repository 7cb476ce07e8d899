"""Clients are made once, at first use, and give up before the function does."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from finetune.aws import clients
from finetune.aws.approvals import Asking
from finetune.aws.clean_up import CleanUp
from finetune.aws.clients import Acting
from finetune.aws.places import Taking
from finetune.aws.removal import Removing
from tests.template import FUNCTIONS
from tools.project import ROOT

MAKERS: dict[str, Any] = {name: make for name, make in vars(clients).items() if hasattr(make, "cache_clear")}


@pytest.fixture(autouse=True)
def _made_anew(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session("testing", "testing", region_name="us-east-1"))
    for make in MAKERS.values():
        make.cache_clear()
    yield
    for make in MAKERS.values():
        make.cache_clear()


# Missing answers are asked for again item by item, and a mail that is sent again is a second mail.
ASKED_ONCE = {"bedrock_runtime", "sns"}
# IAM simulates policies a few times a second.
THROTTLED = {"iam"}


# What a client is called here where AWS's name is a word of Python or none that a reader knows.
NAMES = {"functions": "lambda", "identity": "sts"}
OF_THE_COMMAND = {"cloudwatch", "events", "functions", "iam", "identity", "kms", "logs", "sqs"}


@pytest.mark.parametrize("name", MAKERS)
def test_a_service_has_one_client_and_it_is_its_own(name: str) -> None:
    client = MAKERS[name]()
    assert client is MAKERS[name]()
    assert client.meta.service_model.service_name == NAMES.get(name, name.replace("_", "-"))


def test_nothing_is_made_when_the_module_is_imported() -> None:
    caches = "(c.cache_info() for c in vars(clients).values() if hasattr(c, 'cache_info'))"
    code = f"from finetune.aws import clients; print(sum(info.currsize for info in {caches}))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert made.stdout.strip() == "0"


@pytest.mark.parametrize("name", MAKERS)
def test_a_question_to_a_model_and_a_mail_are_sent_once_and_any_other_call_is_tried_again(name: str) -> None:
    config: Any = MAKERS[name]().meta.config
    attempts = 1 if name in ASKED_ONCE else 10 if name in THROTTLED else 4
    assert config.retries == {"mode": "standard", "total_max_attempts": attempts}
    assert config.read_timeout == (120 if name == "bedrock_runtime" else 30)


def _makes(handler: Path) -> str:
    """What a function makes its clients with."""
    code = handler.read_text()
    ways: tuple[type[Any], ...] = (Acting, CleanUp, Asking, Removing, Taking)
    return code + "".join(inspect.getsource(way.within) for way in ways if f"{way.__name__}.within(" in code)


@pytest.mark.parametrize("name", MAKERS)
def test_a_call_that_hangs_ends_before_the_function_that_makes_it(name: str) -> None:
    using = {
        stem: properties["Timeout"]
        for stem, properties in FUNCTIONS.items()
        if re.search(rf"(clients\.|=){name}\(\)", _makes(ROOT / properties["CodeUri"] / "app.py"))
    }
    config: Any = MAKERS[name]().meta.config
    assert {stem for stem, seconds in using.items() if seconds <= config.connect_timeout + config.read_timeout} == set()
    assert bool(using) != (name in OF_THE_COMMAND)

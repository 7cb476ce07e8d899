"""The commands that speak to AWS, where it does not answer as hoped: one sentence with a remedy, never a traceback."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError

from finetune.aws import clients, publication
from finetune_cli.main import main

COMMANDS = [["status"], ["status", "shop", "--json"], ["rollback", "shop"]]
AT_THE_DOOR = [*COMMANDS, ["resume", "20261121-091431-a1b2c3d4"]]


CLIENTS = ("cloudformation", "bedrock", "bedrock_runtime", "ssm")


@pytest.fixture(autouse=True)
def _nobody_signed_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither credentials nor a Region, and no client kept from another test."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    made = [getattr(clients, name) for name in CLIENTS]
    for client in made:
        client.cache_clear()
    yield
    for client in made:
        client.cache_clear()


class Refusing:
    """A client of which every call is refused with one error."""

    def __init__(self, code: str) -> None:
        self.code, self.meta = code, SimpleNamespace(region_name="us-east-1")

    def __getattr__(self, operation: str) -> Any:
        def refuse(*_: object, **_named: object) -> NoReturn:
            raise ClientError({"Error": {"Code": self.code, "Message": "The service says no"}}, operation)

        return refuse


def said(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence, which a program reads from standard output too."""
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert (err.count("\n"), err[:10]) == (1, "finetune: ")
    asked = {"command": command[0], "exit_code": 2, "error": err[10:-1]}
    assert (json.loads(out) if "--json" in command else out) == (asked if "--json" in command else "")
    return err


@pytest.mark.parametrize("command", AT_THE_DOOR)
def test_without_a_region_a_command_says_how_to_name_one(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "You must specify a region. Set a Region in AWS_REGION." in said(command, capsys)


@pytest.mark.parametrize("command", AT_THE_DOOR)
def test_without_credentials_a_command_says_how_to_get_some(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert "Unable to locate credentials. Sign in, or set a profile" in said(command, capsys)


@pytest.mark.parametrize("command", AT_THE_DOOR)
def test_a_profile_that_does_not_exist_is_named(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "The config profile (nobody) could not be found" in said(command, capsys)


@pytest.mark.parametrize("command", AT_THE_DOOR)
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDenied", "AccessDenied: The service says no. Ask the administrator of the account"),
        ("ExpiredToken", "Sign in again."),
        ("InvalidClientTokenId", "AWS does not know these credentials"),
        ("ValidationError", "There is no stack 'finetune' in us-east-1; name another stack with --stack"),
        ("Throttling", "Throttling: The service says no."),
    ],
)
def test_what_aws_refuses_at_the_door_is_said_in_its_words_with_a_remedy(
    command: list[str], code: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CLIENTS:
        monkeypatch.setattr(clients, name, lambda: Refusing(code))
    assert words in said(command, capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_aws_refuses_later_is_said_in_its_words(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CLIENTS:
        monkeypatch.setattr(clients, name, lambda: Refusing("AccessDeniedException"))
    monkeypatch.setattr("finetune.aws.overview.stack_exists", lambda *_: True)
    assert "AccessDeniedException: The service says no" in said(command, capsys)


@dataclass
class OneParameter:
    """Parameter Store with one value under every project."""

    value: str

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803 - SSM's own names
        return {"Parameter": {"Name": Name, "Value": self.value}}

    def get_paginator(self, _name: str) -> OneParameter:
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        name = publication.parameter_name("finetune", "shop")
        return [{"Parameters": [{"Name": name, "Value": self.value}]}]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("value", ["by hand", "{}"])
def test_a_parameter_that_somebody_overwrote_is_named_with_the_way_back(
    command: list[str], value: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CLIENTS:
        monkeypatch.setattr(clients, name, lambda: OneParameter(value))
    monkeypatch.setattr("finetune.aws.overview.stack_exists", lambda *_: True)
    words = said(command, capsys)
    assert "The parameter /finetune/shop/endpoint does not hold what is read from there" in words
    assert "history" in words

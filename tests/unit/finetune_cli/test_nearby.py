"""`--local` finds the local cloud, and `--profile` a profile."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from finetune_cli import nearby
from finetune_cli.commands.status import Options
from tests.command import finetune


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command changes is undone."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "before")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "before")


def test_the_local_cloud_takes_the_place_of_aws_and_of_any_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / nearby.FILE).write_text(json.dumps({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}))
    monkeypatch.setenv(nearby.FOLDER_VARIABLE, str(tmp_path))
    Options(stack="finetune", profile="ignored", local=True, project=None).enter()
    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert "AWS_PROFILE" not in os.environ
    assert "AWS_SESSION_TOKEN" not in os.environ


def test_where_none_runs_the_command_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(nearby.FOLDER_VARIABLE, str(tmp_path))
    assert finetune("status", "--local") == 2
    assert "No local cloud runs here" in capsys.readouterr().err


def test_a_profile_is_used_by_every_client() -> None:
    Options(stack="finetune", profile="ours", local=False, project=None).enter()
    assert os.environ["AWS_PROFILE"] == "ours"

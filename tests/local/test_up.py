"""What `python -m local up` prints works as it stands there."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from finetune_cli import nearby
from local.deployment import REPOSITORY
from local.session import Session
from local.up import _found_by_the_command, guide

ENVIRONMENT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1"}


def session(state: Path) -> Session:
    cloud = SimpleNamespace(endpoint="http://127.0.0.1:1", state=state, environment=lambda: ENVIRONMENT)
    outputs = {"StateMachineArn": "arn:machine", "DatasetBucketName": "datasets"}
    return cast("Session", SimpleNamespace(cloud=cloud, outputs=outputs))


@pytest.mark.parametrize(
    ("state", "first"),
    [
        ((REPOSITORY / nearby.FOLDER).resolve(), f"cd {shlex.quote(str(REPOSITORY))}"),
        (Path("/somewhere else"), "export FINETUNE_LOCAL='/somewhere else'"),
    ],
)
def test_the_command_is_told_where_the_cloud_is_unless_it_looks_there(state: Path, first: str) -> None:
    sections = {section.title: section.lines for section in guide(session(state), "http://127.0.0.1:2")}
    where, command = sections["The finetune command"]
    assert where == first
    assert command.endswith("/finetune runs --local")
    assert sections["Reports and pages about datasets, for a browser"] == ("http://127.0.0.1:2",)


def test_how_to_reach_the_cloud_is_written_down_as_long_as_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*ENVIRONMENT, "AWS_PROFILE"):
        monkeypatch.setenv(name, "before")
    monkeypatch.setenv(nearby.FOLDER_VARIABLE, str(tmp_path))
    with _found_by_the_command(session(tmp_path)):
        assert json.loads((tmp_path / nearby.FILE).read_text()) == ENVIRONMENT
        nearby.enter()
    assert not (tmp_path / nearby.FILE).exists()

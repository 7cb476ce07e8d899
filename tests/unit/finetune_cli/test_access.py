"""`finetune access` prints a policy and nothing else; what it says is tried in tests/security."""

from __future__ import annotations

import json

import pytest

from tests import stacks
from tests.command import answered, finetune
from tests.stacks import deployed
from tests.template import MACHINE

OUTPUTS = {
    "DatasetBucketName": "datasets",
    "ArtifactBucketName": "artifacts",
    "StateMachineArn": MACHINE,
    "DecideFunctionName": "finetune-decide",
}


@pytest.mark.parametrize("part", ["supplier", "owner", "reader", "approver"])
def test_the_policy_is_all_that_is_printed(
    part: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "OUTPUTS", OUTPUTS)
    with deployed():
        assert finetune("access", "shop", "--as", part) == 0
        shown = capsys.readouterr()
        assert finetune("access", "shop", "--as", part, "--json") == 0
    assert shown.err == ""
    assert json.loads(shown.out)["Version"] == "2012-10-17"
    assert answered(capsys) == {"project": "shop", "part": part, "policy": json.loads(shown.out)}


def test_a_stack_of_a_release_before_approvals_has_no_approver(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "OUTPUTS", {**OUTPUTS, "DecideFunctionName": ""})
    with deployed():
        assert finetune("access", "shop", "--as", "approver") == 2
    assert "has no output DecideFunctionName: deploy this release" in capsys.readouterr().err


def test_a_name_that_iam_reads_as_several_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("access", "*", "--as", "supplier") == 2
    assert "'*' cannot be granted: name one folder below incoming/" in capsys.readouterr().err

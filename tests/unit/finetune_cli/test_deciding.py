"""`finetune approve` and `finetune reject`: what is sent to Decide, and what is said of its answer."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from finetune.aws import clients
from finetune.contracts import DecideOutput
from tests.command import answered, finetune

RUN = "shop-20261121-103005-0badcafe"
ADA = "arn:aws:iam::123456789012:user/ada"
APPROVED = DecideOutput(
    status="decided", sentence="Run r is approved by ada.", decision="approve", taken=True, by="ada"
)


@dataclass
class Deployed:
    """A stack whose function Decide answers `told`, or fails with `failure`."""

    told: DecideOutput = APPROVED
    failure: dict[str, str] | None = None
    outputs: tuple[str, ...] = ("DecideFunctionName", "ArtifactBucketName")
    invoked: list[dict[str, Any]] = field(default_factory=list)
    meta: Any = field(default_factory=lambda: SimpleNamespace(region_name="us-east-1"))

    def describe_stacks(self, **_: object) -> dict[str, Any]:
        return {"Stacks": [{"Outputs": [{"OutputKey": name, "OutputValue": name.lower()} for name in self.outputs]}]}

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": ADA}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - Lambda's own names
        self.invoked.append({"function": FunctionName, **json.loads(Payload)})
        failed = {"FunctionError": "Unhandled"} if self.failure else {}
        return {"Payload": io.BytesIO(json.dumps(self.failure or self.told.payload()).encode()), **failed}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    found = Deployed()
    for name in ("cloudformation", "bedrock", "bedrock_runtime", "ssm", "functions", "identity"):
        monkeypatch.setattr(clients, name, lambda: found)
    return found


def test_decide_is_told_the_run_the_decision_the_reason_and_who(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune("approve", RUN, "--reason", "agreed") == 0
    assert capsys.readouterr() == ("Run r is approved by ada.\n", "")
    [sent] = deployed.invoked
    answer = {"run": RUN, "question": 0, "decision": "approve", "by": ADA, "reason": "agreed"}
    assert sent == {"function": "decidefunctionname", **answer}


def test_decide_is_told_which_question_is_answered(deployed: Deployed) -> None:
    assert finetune("approve", RUN, "--question", "2") == 0
    assert deployed.invoked[0]["question"] == 2
    assert finetune("approve", RUN, "--question", "-1") == 2


def test_what_somebody_else_decided_is_said_and_is_a_no(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("reject", RUN) == 1
    assert capsys.readouterr() == ("", "finetune: Run r is approved by ada.\n")
    assert finetune("reject", RUN, "--json") == 1
    assert answered(capsys)["decision"] == "approve"
    assert [sent["decision"] for sent in deployed.invoked] == ["reject", "reject"]


def test_what_decide_failed_with_is_one_sentence(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.failure = {"errorType": "SettingsInvalid", "errorMessage": "settings.yaml: budget.limit is not known"}
    assert finetune("approve", RUN) == 2
    assert "failed with SettingsInvalid: settings.yaml: budget.limit is not known" in capsys.readouterr().err


def test_a_stack_of_an_earlier_release_is_named(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.outputs = ()
    assert finetune("approve", RUN) == 2
    assert "Stack 'finetune' has no output DecideFunctionName: deploy this release" in capsys.readouterr().err


def test_a_reason_that_is_too_long_is_refused_before_anybody_is_asked(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune("reject", RUN, "--reason", "x" * 201) == 2
    assert "The reason has 201 characters; give at most 200." in capsys.readouterr().err
    assert deployed.invoked == []

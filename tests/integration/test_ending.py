"""The end of a stack ends what is billed, answers CloudFormation whatever happens, and does nothing in an update."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from finetune.aws import clients, customization, ending, removal
from finetune.contracts import EndStackInput, EndStackOutput
from tests.integration.test_removal import by, in_service
from tests.stacks import Stack, deployed
from tests.template import STACK, TOPIC

ASKED = {
    "RequestType": "Delete",
    "ResponseURL": "https://cloudformation/answer",
    "StackId": "arn:stack",
    "RequestId": "1",
    "LogicalResourceId": "EndStack",
    "ResourceType": "Custom::EndStack",
}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


class Formation:
    """CloudFormation, which says in what state the stack is."""

    def __init__(self, status: str) -> None:
        self.status = status

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - CloudFormation's own names
        assert StackName == "arn:stack"
        return {"Stacks": [{"StackStatus": self.status}]}


def ended(
    *, status: str = "DELETE_IN_PROGRESS", kind: str = "Delete", seconds: int = 200, name: str = STACK
) -> tuple[EndStackOutput, dict[str, Any]]:
    """What the function returns and what CloudFormation is told, with so many seconds to work in."""
    answers: list[tuple[str, bytes]] = []
    left = iter(range(seconds, 0, -10))
    found = ending.answer(
        cast("Any", Formation(status)),
        clients.sns(),
        replace(by(), one_by_one=True, stack=name),
        EndStackInput.model_validate(ASKED | {"RequestType": kind}),
        topic_arn=TOPIC,
        remaining=lambda: float(next(left, 0)),
        wait=lambda _: None,
        respond=lambda url, content: answers.append((url, content)),
    )
    [(url, content)] = answers
    assert url == ASKED["ResponseURL"]
    return found, json.loads(content)


def test_nothing_is_billed_by_the_hour_any_more_and_the_models_are_listed(stack: Stack) -> None:
    in_service(stack, "shop", 1)
    stack.endpoint("zoo", 2, stack.model("zoo", 2), provisioned=True)
    found, told = ended()
    assert (stack.open(), stack.published("shop")) == (set(), False)
    assert set(found.models) == stack.models() == {stack.name("shop", 1), stack.name("zoo", 2)}
    assert told["Status"] == "SUCCESS"
    assert told["PhysicalResourceId"] == ending.PHYSICAL_ID
    assert stack.name("zoo", 2) in told["Reason"]
    [mail] = stack.account.mails
    assert mail.subject == f"Stack deleted: {STACK}"
    assert f"aws bedrock delete-custom-model --model-identifier {stack.name('shop', 1)}" in mail.body


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Delete"),
        ("ROLLBACK_IN_PROGRESS", "Delete"),
        ("CREATE_IN_PROGRESS", "Create"),
        ("UPDATE_IN_PROGRESS", "Update"),
    ],
)
def test_a_stack_that_is_not_deleted_keeps_everything(stack: Stack, status: str, kind: str) -> None:
    _, endpoint = in_service(stack, "shop", 1)
    found, told = ended(status=status, kind=kind)
    assert (found, told["Status"]) == (EndStackOutput(), "SUCCESS")
    assert stack.open() == {endpoint}
    assert stack.published("shop")
    assert stack.account.mails == []


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("aws-tuning", "Create", "FAILED"),
        ("SSMtuning", "Create", "FAILED"),
        ("aws-tuning", "Update", "SUCCESS"),
        ("tuning-aws", "Create", "SUCCESS"),
    ],
)
def test_a_stack_whose_models_could_not_be_published_is_not_made(
    stack: Stack, name: str, kind: str, status: str
) -> None:
    del stack
    _, told = ended(status="CREATE_IN_PROGRESS", kind=kind, name=name)
    assert told["Status"] == status
    assert (f"The stack's name '{name}' begins with aws or ssm." in told["Reason"]) == (status == "FAILED")


def test_what_cannot_be_ended_fails_the_deletion_by_name_and_the_next_one_goes_on(stack: Stack) -> None:
    stack.account.emulator.admin.inject("conflict-delete-deployment:always")
    _, endpoint = in_service(stack, "shop", 1)
    found, told = ended()
    assert told["Status"] == "FAILED"
    assert endpoint in told["Reason"]
    assert found.failure == told["Reason"]
    stack.account.emulator.admin.clear_faults()
    assert ended()[1]["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    "fault", ["deny-list-jobs:always", "deny-list-throughputs:always", "deny-delete-deployment:always"]
)
def test_what_is_refused_fails_the_deletion_in_the_services_words(stack: Stack, fault: str) -> None:
    in_service(stack, "shop", 1)
    stack.account.emulator.admin.inject(fault)
    found, told = ended()
    assert told["Status"] == "FAILED"
    assert "AccessDenied" in told["Reason"]
    assert len(told["Reason"]) <= ending.REASON_CHARACTERS
    assert found.models == ()


def test_a_job_is_stopped_and_one_that_is_stopping_holds_nothing_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    arn = stack.model("shop", 1)
    job = stack.account.emulator.world.state.models[arn].job_arn
    clients.bedrock().tag_resource(resourceARN=job, tags=stack.tags("shop", 1))

    def listed(_: object, status: str = "InProgress") -> list[tuple[str, str]]:
        return [(stack.name("shop", 1), job)] if status == ("Stopping" if stopped else "InProgress") else []

    def stop(_: object, name: str) -> bool:
        stopped.append(name)
        return True

    monkeypatch.setattr(customization, "jobs_in_progress", listed)
    monkeypatch.setattr(customization, "stop_job", stop)
    assert ended()[1]["Status"] == "SUCCESS"
    assert set(stopped) == {stack.name("shop", 1)}


def test_cloudformation_is_answered_also_after_a_bug(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    in_service(stack, "shop", 1)
    answers: list[bytes] = []

    def broken(*_: object, **__: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(removal, "carry_out", broken)
    with pytest.raises(KeyError):
        ending.answer(
            cast("Any", Formation("DELETE_IN_PROGRESS")),
            clients.sns(),
            by(),
            EndStackInput.model_validate(ASKED),
            topic_arn=TOPIC,
            remaining=lambda: 100.0,
            respond=lambda _, content: answers.append(content),
        )
    assert b"FAILED" in answers[0]

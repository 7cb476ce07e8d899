"""`finetune doctor`: with everything in order each line is ok; one thing broken, one line; one right missing, no ok."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from finetune.aws import clients
from finetune.aws.examination import QUESTIONS
from finetune.domain import catalog
from local.bedrock import customization, deployments, throughput
from tests.examined import (
    KEY_POLICY,
    NAMED,
    NOW,
    Patient,
    policies,
    put_rule,
    refusing,
)
from tests.stacks import Stack as Made


def test_a_healthy_stack_is_ok_in_every_line_and_nothing_is_changed(patient: Patient) -> None:
    patient.asked.clear()
    lines = patient.examine()
    assert {name: line.found for name, line in lines.items() if line.found.state != "ok"} == {}
    assert list(lines) == [question.name for question in QUESTIONS]
    reading = ("Get", "List", "Describe", "Head", "Simulate", "Test", "Converse")
    assert [each for each in patient.asked if not each.startswith(reading)] == []
    assert patient.asked.count("Converse") == 1


def no_place(where: Any, limit: str) -> Callable[[Patient, pytest.MonkeyPatch], None]:
    return lambda _, patched: patched.setattr(where, limit, 0)


def answering(**answers: Callable[..., Any]) -> Callable[[Patient, pytest.MonkeyPatch], None]:
    return lambda patient, _: patient.answers.update(answers)


def served_by_the_hour_without_units(patient: Patient, patched: pytest.MonkeyPatch) -> None:
    patient.settings("deployment: provisioned\n")
    patched.setattr(throughput, "MOST_UNITS", 0)


def past_its_lease(patient: Patient, _: pytest.MonkeyPatch) -> None:
    made = Made(patient.account)
    made.endpoint("shop", 1, made.model("shop", 1))  # without a lease, which the sweeper reads as one that is over


def a_rule(name: str, pattern: Any, state: str = "ENABLED") -> Callable[[Patient, pytest.MonkeyPatch], None]:
    return lambda *_: put_rule(name, pattern, state)


def a_letter(_: Patient, __: pytest.MonkeyPatch) -> None:
    clients.sqs().send_message(QueueUrl=NAMED["DeadLetterQueue"], MessageBody="lost")


def a_failing_sweeper(patient: Patient, _: pytest.MonkeyPatch) -> None:
    failed = {"Timestamp": NOW, "Sum": 1}
    patient.answers["GetMetricStatistics"] = lambda **_: {"Datapoints": [failed]}


def a_role_without(role: str, action: str) -> Callable[[Patient, pytest.MonkeyPatch], None]:
    def strip(patient: Patient, _: pytest.MonkeyPatch) -> None:
        patient.roles[role] = [each for each in policies(role) if action not in each["Action"]]

    return strip


def settings_say(text: str) -> Callable[[Patient, pytest.MonkeyPatch], None]:
    return lambda patient, _: patient.settings(text)


LEGACY = {"modelDetails": {"modelLifecycle": {"status": "LEGACY"}}}
NO_ACCESS = refusing("AccessDeniedException", "You don't have access to the model with the specified model ID.")
UNCONFIRMED = {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]}
ABORTED = {
    "executions": [{"executionArn": "one", "status": "ABORTED", "stopDate": NOW}],
    "ResponseMetadata": {"HTTPHeaders": {}},
}
FEW = {"AccountLimit": {"UnreservedConcurrentExecutions": 5}}
# For each line what breaks it and nothing else, and what it then is.
BROKEN: dict[str, tuple[str, Callable[[Patient, pytest.MonkeyPatch], None]]] = {
    "concurrency": ("warning", answering(GetAccountSettings=lambda: FEW)),
    "jobs": ("wrong", no_place(customization, "MOST_RUNNING_JOBS")),
    "custom models": ("wrong", no_place(customization, "MOST_MODELS")),
    "settings": ("wrong", settings_say("base_modell: x\n")),
    "takes jobs": ("wrong", answering(GetFoundationModel=lambda **_: LEGACY)),
    "prices": ("warning", lambda _, patched: patched.setattr(catalog, "OLD_DAYS", -1)),
    "base model": ("wrong", answering(Converse=NO_ACCESS)),
    "judge": ("wrong", settings_say("judge: {model: amazon.nova-2-lite-v1:0}\n")),
    "deployments": ("wrong", no_place(deployments, "MOST")),
    "model units": ("wrong", served_by_the_hour_without_units),
    "stack": ("wrong", lambda patient, _: setattr(patient, "status", "UPDATE_ROLLBACK_FAILED")),
    "mails": ("wrong", answering(ListSubscriptionsByTopic=lambda **_: UNCONFIRMED)),
    "bucket": ("wrong", answering(GetBucketNotificationConfiguration=lambda **_: {})),
    "drop": ("wrong", a_rule("DatasetDroppedRule", {"source": ["aws.s3"]}, "DISABLED")),
    "end of a run": ("wrong", a_rule("RunEndedRule", {"source": ["aws.states"], "detail": {"status": ["FAILED"]}})),
    "dead letters": ("wrong", a_letter),
    "sweeper": ("wrong", a_failing_sweeper),
    "key": ("wrong", answering(GetKeyPolicy=lambda **_: {"Policy": json.dumps({"Statement": KEY_POLICY[:2]})})),
    "roles": ("wrong", a_role_without("PromoteModelFunctionRole", "bedrock:InvokeModel")),
    "ends": ("warning", answering(ListExecutions=lambda **_: ABORTED)),
    "bills": ("wrong", past_its_lease),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_wrong_in_its_own_line_only_and_has_a_mend(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    state, break_it = BROKEN[name]
    break_it(patient, monkeypatch)
    lines = patient.examine()
    amiss = {other: line.found.state for other, line in lines.items()}
    assert {other: seen for other, seen in amiss.items() if seen not in {"ok", "not asked"}} == {name: state}
    assert lines[name].found.mend


def test_every_question_has_its_broken_stack() -> None:
    assert [question.name for question in QUESTIONS if question.name not in {*BROKEN, "identity"}] == []


# The operations that each line asks, of which one is not allowed to whoever asks.
DENIED = {
    "identity": ("GetCallerIdentity",),
    "concurrency": ("GetAccountSettings",),
    "jobs": ("ListModelCustomizationJobs", "ListServiceQuotas"),
    "custom models": ("ListCustomModels", "ListServiceQuotas"),
    "settings": ("HeadObject",),
    "takes jobs": ("GetFoundationModel",),
    "prices": ("HeadObject",),
    "base model": ("Converse",),
    "judge": ("Converse",),
    "deployments": ("ListCustomModelDeployments", "ListServiceQuotas"),
    "model units": ("ListProvisionedModelThroughputs", "ListServiceQuotas"),
    "stack": ("DescribeStacks",),
    "mails": ("ListSubscriptionsByTopic", "ListStackResources"),
    "bucket": ("GetBucketNotificationConfiguration",),
    "drop": ("TestEventPattern", "DescribeRule", "ListTargetsByRule"),
    "end of a run": ("TestEventPattern", "DescribeRule", "ListTargetsByRule"),
    "dead letters": ("GetQueueAttributes",),
    "sweeper": ("GetMetricStatistics",),
    "ends": ("ListExecutions",),
    "bills": ("GetParametersByPath", "ListProvisionedModelThroughputs"),
    "key": ("DescribeKey", "GetKeyPolicy"),
    "roles": ("SimulatePrincipalPolicy", "GetTemplate"),
}


@pytest.mark.parametrize(("name", "operation"), [(name, each) for name, all_ in DENIED.items() for each in all_])
def test_what_nobody_may_ask_is_never_ok(patient: Patient, name: str, operation: str) -> None:
    patient.settings("judge: {model: amazon.nova-pro-v1:0}\n")
    patient.denied = {operation}
    found = patient.amiss()
    assert found[name] == "not asked"
    assert set(found.values()) == {"not asked"}


def test_every_question_is_denied_once() -> None:
    assert list(DENIED) == [question.name for question in QUESTIONS]

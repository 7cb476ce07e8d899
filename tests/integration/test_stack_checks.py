"""What `finetune doctor` asks of a deployed stack, where an answer has more than two sides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.examined import NOW, Patient, put_rule, refusing


def test_a_warning_names_the_release_of_the_stack(patient: Patient) -> None:
    described = patient._own()["DescribeStacks"]()
    described["Stacks"][0]["Outputs"][0]["OutputValue"] = "0.1.0"
    patient.answers["DescribeStacks"] = lambda **_: described
    found = patient.examine()["stack"].found
    assert (found.state, "0.1.0" in found.text) == ("warning", True)


def test_before_the_stack_is_deployed_the_account_is_asked_and_the_stack_is_missing(patient: Patient) -> None:
    patient.project = None
    patient.answers["DescribeStacks"] = refusing("ValidationError", "Stack with id finetune does not exist")
    lines = patient.examine()
    states = {name: line.found.state for name, line in lines.items()}
    groups = {line.group for line in lines.values() if line.found.state == "ok"}
    assert states["stack"] == "wrong"
    assert groups == {"Account", "Base model", "Runs"}  # what is billed is asked of Bedrock
    assert states["roles"] == states["mails"] == states["key"] == "not asked"


@pytest.mark.parametrize(
    ("status", "state"),
    [("UPDATE_ROLLBACK_COMPLETE", "warning"), ("UPDATE_IN_PROGRESS", "warning"), ("CREATE_FAILED", "wrong")],
)
def test_a_stack_that_stands_after_a_failed_deployment_is_a_warning(patient: Patient, status: str, state: str) -> None:
    patient.status = status
    assert patient.examine()["stack"].found.state == state


def test_a_new_stack_has_no_metrics_and_an_old_one_that_has_none_is_wrong(patient: Patient) -> None:
    described = patient._own()["DescribeStacks"]()
    patient.answers["DescribeStacks"] = lambda **_: described
    patient.answers["GetMetricStatistics"] = lambda **_: {"Datapoints": []}
    assert patient.examine()["sweeper"].found.text == "no success in 2 hours, it did not run"
    described["Stacks"][0]["CreationTime"] = NOW - timedelta(minutes=20)
    assert patient.examine()["sweeper"].found.state == "not asked"


def test_every_fault_of_a_rule_is_named(patient: Patient) -> None:
    put_rule("DatasetDroppedRule", {"source": ["aws.ec2"]}, "DISABLED")
    patient.answers["ListTargetsByRule"] = lambda **_: {"Targets": []}
    assert patient.examine()["drop"].found.text == (
        "the rule finetune-DatasetDroppedRule is off and does not take its event and does not invoke StartRunFunction"
    )


def test_a_subscription_that_waits_is_told_from_none(patient: Patient) -> None:
    def listed(*arns: str) -> Any:
        return lambda **_: {"Subscriptions": [{"SubscriptionArn": arn} for arn in arns]}

    patient.answers["ListSubscriptionsByTopic"] = listed("Deleted")
    assert patient.examine()["mails"].found.text == "nobody gets the mails"
    patient.answers["ListSubscriptionsByTopic"] = listed("PendingConfirmation")
    assert "waits for its confirmation" in patient.examine()["mails"].found.text

"""The stack's own key is right if it is enabled and everything that has to may use it."""

from __future__ import annotations

import json
from typing import Any

from tests.emulator import ACCOUNT
from tests.examined import KEY_POLICY, Patient


def test_a_key_of_nobody_and_a_key_that_is_being_deleted(patient: Patient) -> None:
    patient.answers["DescribeKey"] = lambda **_: {"KeyMetadata": {"KeyState": "PendingDeletion"}}
    assert patient.amiss() == {"key": "wrong"}
    patient.parameters = {}
    assert patient.examine()["key"].found.text == "no key of your own: AWS manages them"


def with_policy(patient: Patient, statements: list[Any]) -> str:
    patient.answers["GetKeyPolicy"] = lambda **_: {"Policy": json.dumps({"Statement": statements})}
    return patient.examine()["key"].found.text


def test_every_statement_of_the_policy_that_is_shipped_is_missed(patient: Patient) -> None:
    missed = [
        with_policy(patient, [each for each in KEY_POLICY if each is not one]).rpartition(": ")[2] for one in KEY_POLICY
    ]
    assert missed == [
        f"the roles of account {ACCOUNT}",
        "bedrock.amazonaws.com",
        "logs.us-east-1.amazonaws.com",
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    ]


def test_a_condition_that_the_requests_of_a_service_never_meet_is_as_good_as_no_statement(patient: Patient) -> None:
    limited = [{**each, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}} for each in KEY_POLICY[1:]]
    assert with_policy(patient, [KEY_POLICY[0], *limited]).endswith(": events.amazonaws.com")
    of_another = {**KEY_POLICY[0], "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}
    assert with_policy(patient, [of_another, *KEY_POLICY[1:]]).endswith(f": the roles of account {ACCOUNT}")

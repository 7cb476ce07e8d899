"""The stack's own key is right if it is enabled and everything that has to may use it."""

from __future__ import annotations

import json

from tests.emulator import ACCOUNT
from tests.examined import KEY_POLICY, Patient


def test_a_key_of_nobody_and_a_key_that_is_being_deleted(patient: Patient) -> None:
    patient.answers["DescribeKey"] = lambda **_: {"KeyMetadata": {"KeyState": "PendingDeletion"}}
    assert patient.amiss() == {"key": "wrong"}
    patient.parameters = {}
    assert patient.examine()["key"].found.text == "no key of your own: AWS manages them"


def test_who_may_not_use_the_key_is_named(patient: Patient) -> None:
    policy = {"Statement": [{**KEY_POLICY[0], "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}, KEY_POLICY[1]]}
    patient.answers["GetKeyPolicy"] = lambda **_: {"Policy": json.dumps(policy)}
    assert patient.examine()["key"].found.text == (
        "the key's policy does not let these use it: the roles of account 123456789012, logs.us-east-1.amazonaws.com"
    )


def test_a_condition_that_the_requests_of_a_service_never_meet_is_as_good_as_no_statement(patient: Patient) -> None:
    limited = {**KEY_POLICY[1], "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}
    patient.answers["GetKeyPolicy"] = lambda **_: {
        "Policy": json.dumps({"Statement": [KEY_POLICY[0], limited, KEY_POLICY[2]]})
    }
    assert patient.examine()["key"].found.text == ("the key's policy does not let these use it: events.amazonaws.com")

"""`finetune doctor` prints a line for each question with its mend, sums up with the worst last, and exits by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command import answered, finetune
from tests.examined import Patient, healthy, refusing


@pytest.fixture(scope="module")
def one() -> Iterator[Patient]:
    with healthy() as found:
        yield found


@pytest.fixture
def patient(one: Patient) -> Iterator[Patient]:
    yield one
    one.recover()


@pytest.mark.usefixtures("patient")
def test_a_healthy_stack_is_yes(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("doctor") == 0
    told = capsys.readouterr().out
    assert "  ok       mails         1 confirmed\n" in told
    assert told.endswith("22 of 22 are ok.\n")


def test_what_is_wrong_comes_last_with_its_mend_and_is_no(patient: Patient, capsys: pytest.CaptureFixture[str]) -> None:
    patient.answers["ListSubscriptionsByTopic"] = lambda **_: {"Subscriptions": []}
    patient.answers["GetAccountSettings"] = lambda: {"AccountLimit": {"UnreservedConcurrentExecutions": 5}}
    patient.denied = {"GetMetricStatistics"}
    assert finetune("doctor", "shop") == 1
    told = capsys.readouterr().out
    assert "  WRONG    mails         nobody gets the mails\n" in told
    assert "                         Follow the link" in told
    assert "  unknown  sweeper       you may not monitoring:GetMetricStatistics\n" in told
    assert told.splitlines()[-4:] == [
        "19 of 22 are ok.",
        "Works, but look at: concurrency.",
        "Could not be asked, so it may be wrong: sweeper.",
        "Wrong: mails.",
    ]


def test_what_could_not_be_asked_is_no_and_a_warning_is_yes(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    patient.denied = {"GetMetricStatistics"}
    assert finetune("doctor", "--json") == 1
    assert answered(capsys)["counts"] == {"ok": 21, "warning": 0, "not asked": 1, "wrong": 0}
    patient.denied, patient.status = set(), "UPDATE_ROLLBACK_COMPLETE"
    assert finetune("doctor", "--json") == 0
    [line] = [each for each in answered(capsys)["lines"] if each["state"] != "ok"]
    assert (line["group"], line["name"], line["state"]) == ("Stack", "stack", "warning")
    assert line["mend"]


def test_a_stack_that_is_not_there_is_a_line_and_credentials_that_are_not_end_the_command(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    patient.answers["DescribeStacks"] = refusing("ValidationError", "Stack with id finetune does not exist")
    assert finetune("doctor") == 1
    assert "there is no stack 'finetune' in us-east-1" in capsys.readouterr().out
    patient.answers["GetCallerIdentity"] = refusing("ExpiredToken", "The security token is expired")
    assert finetune("doctor") == 2
    assert capsys.readouterr().err.endswith("Sign in again.\n")

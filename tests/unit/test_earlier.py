"""What a mail says of an earlier run's model."""

from __future__ import annotations

from typing import Any

import pytest

from finetune import earlier
from finetune.contracts import NotifyInput
from finetune.parts import EarlierRun, Failure
from tests.evaluating import run

RUN = "20261120-112233-0a1b2c3d"


def told(**found: Any) -> str:
    return "\n".join(earlier.nothing_new(EarlierRun(run_id=RUN, **found), "shop"))


@pytest.mark.parametrize("standing", ["going_on", "in_service", "judged"])
def test_a_mail_of_nothing_new_names_the_earlier_run_and_what_to_do(standing: str) -> None:
    text = told(standing=standing, reason="It is not better.")
    assert RUN in text
    assert "What to do: " in text
    assert "nothing was billed" in text


def test_a_run_that_goes_on_may_wait_for_an_approval() -> None:
    text = told(standing="going_on")
    assert (
        f"Run {RUN} has the same content: it is training it now or waits for an approval (`finetune approvals`)" in text
    )


def test_what_was_judged_is_told_with_its_verdict_its_report_and_the_way_to_judge_it_again() -> None:
    text = told(standing="judged", reason="It is not better.", report_uri="s3://artifacts/report.html")
    for part in ("It is not better.", "s3://artifacts/report.html", f"finetune resume {RUN} --project shop"):
        assert part in text


@pytest.mark.parametrize(
    ("error", "redrive"), [("EndpointFailed", True), ("Aborted", False), ("States.Timeout", False)]
)
def test_a_failed_run_with_a_model_names_the_command_and_what_a_redrive_does_not_do(error: str, redrive: bool) -> None:
    known = NotifyInput(outcome="RunFailed", execution_arn="arn", run=run(), error=Failure(Error=error))
    text = earlier.resumable(known, run(), trained=True)
    assert f"finetune resume {run().run_id} --project shop." in text
    assert ("redrive of the execution changes nothing" in text) is redrive


def test_a_run_without_a_model_or_without_a_plan_cannot_be_gone_on_with() -> None:
    known = NotifyInput(outcome="RunFailed", execution_arn="arn", error=Failure(Error="EndpointFailed"))
    assert earlier.resumable(known, run(), trained=False) == ""
    assert earlier.resumable(known, None, trained=True) == ""


def test_a_project_with_other_letters_is_quoted() -> None:
    assert earlier.command(RUN, "Größe & Co") == f"finetune resume {RUN} --project 'Größe & Co'"


def test_the_commands_of_another_stack_name_it() -> None:
    found = EarlierRun(run_id="r", standing="judged")
    assert "--project shop --stack other." in "\n".join(earlier.nothing_new(found, "shop", " --stack other"))
    going = EarlierRun(run_id="r", standing="going_on")
    assert "`finetune approvals --stack other`" in "\n".join(earlier.nothing_new(going, "shop", " --stack other"))

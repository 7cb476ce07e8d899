"""`finetune approvals`: what waits, why, how much it would cost, and until when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from finetune.aws import approvals, clients
from finetune.domain.cost import PriceOverrides
from finetune.question import Question, Terms
from finetune.run import Run
from finetune.settings import Budget, Settings
from tests.command import answered, finetune
from tests.unit.finetune_cli.test_deciding import Deployed
from tests.unit.test_messages import RUN

QUESTION = Question(
    stage="service",
    run=Run.model_validate(RUN | {"settings": Settings(deployment="provisioned")}),
    execution_arn="arn:execution",
    why="The model would go into service.",
    run_usd=12,
    most_usd=15,
    bill=("Training: $11.00",),
    terms=Terms(champion=None, budget=Budget(), prices=PriceOverrides(), usd_per_hour=20),
    asked=datetime(2026, 11, 21, 12, tzinfo=UTC),
    until=datetime(2026, 11, 24, 12, tzinfo=UTC),
)


@pytest.fixture(autouse=True)
def _one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cloudformation", "bedrock", "bedrock_runtime", "ssm", "s3", "stepfunctions"):
        monkeypatch.setattr(clients, name, Deployed)
    monkeypatch.setattr(approvals, "waiting", lambda *_: iter([QUESTION]))


def test_a_run_that_waits_is_shown_with_its_price_and_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("approvals") == 0
    assert capsys.readouterr().out.splitlines() == [
        "shop-20261121-103005-0badcafe",
        "  before: service",
        "  why: The model would go into service.",
        "  the whole run: estimated $12.00, at most $15.00",
        "  Training: $11.00",
        "  until it is in service: at most 2 started hours, $40.00, beyond budget.limit_usd",
        "  in service: $20.00 an hour, about $14,600.00 a month, also when it is not used",
        "  since: 2026-11-21 12:00 UTC",
        "  until: 2026-11-24 12:00 UTC",
        "  to approve: finetune approve shop-20261121-103005-0badcafe",
    ]


def test_a_question_that_was_asked_again_is_shown_with_the_command_that_answers_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = QUESTION.model_copy(update={"number": 1})
    monkeypatch.setattr(approvals, "waiting", lambda *_: iter([again]))
    assert finetune("approvals", "--stack", "other") == 0
    command = "finetune approve shop-20261121-103005-0badcafe --question 1 --stack other"
    assert capsys.readouterr().out.splitlines()[-1] == f"  to approve: {command}"


def test_a_program_gets_the_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("approvals", "--json") == 0
    [found] = answered(capsys)["waiting"]
    assert (found["run_usd"], found["service_usd_per_hour"], found["service_usd_per_month"]) == (12, 20, 14600)
    assert found["run_most_usd"] == 15
    assert (found["run"], found["before"]) == ("shop-20261121-103005-0badcafe", "service")


def test_where_nothing_of_a_project_waits_the_answer_is_no(capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("approvals", "garden") == 1
    assert capsys.readouterr().out == "No run of project garden waits.\n"


def test_what_waits_is_asked_for_by_the_full_name_or_the_slug_and_by_no_name_that_had_the_slug_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = {"project": "Shop Assistant", "slug": "shop-assistant-d419be"}
    question = QUESTION.model_copy(update={"run": QUESTION.run.model_copy(update=named)})
    monkeypatch.setattr(approvals, "waiting", lambda *_: iter([question]))
    said = ("Shop Assistant", "shop-assistant-d419be", "shop.-!-- -+!assistant")
    assert [finetune("approvals", name) for name in said] == [0, 0, 1]

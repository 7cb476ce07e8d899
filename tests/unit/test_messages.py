"""Mails: what they say, and what they can never hold."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import pytest

from finetune import errors, messages
from finetune.advice import ADVICE
from finetune.contracts import NotifyInput
from finetune.domain.billing.limits import monthly_reason
from finetune.parts import Failure, Outcome
from finetune.remains import Standing
from finetune.run import Run
from finetune.settings import Settings

LEAVES = [
    name
    for name, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, errors.FineTuneError) and not error.__subclasses__()
]
RUN: dict[str, Any] = {
    "run_id": "20261121-103005-0badcafe",
    "project": "shop",
    "slug": "shop",
    "execution_arn": "arn:execution",
    "first_delivery": True,
    "folder": "s3://artifacts/runs/shop/20261121-103005-0badcafe",
    "dataset": {"bucket": "datasets", "key": "incoming/shop/data.jsonl", "version_id": "v1"},
    "endpoint_name": "shop-20261121-103005-0badcafe",
}


RUN_OF = Run.model_validate(RUN)


ON_DEMAND_ONLY = "meta.llama3-3-70b-instruct-v1:0:128k"


def known(outcome: str, **more: Any) -> NotifyInput:
    return NotifyInput.model_validate({"outcome": outcome, "execution_arn": "arn:execution", **more})


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_outcome_has_a_mail_even_when_next_to_nothing_is_known(outcome: str) -> None:
    mail = messages.compose(known(outcome))
    assert mail.subject
    assert "Execution: arn:execution" in mail.body
    assert "What to do: " in mail.body


@pytest.mark.parametrize("name", LEAVES)
def test_every_error_of_ours_comes_with_advice(name: str) -> None:
    mail = messages.compose(known("RunFailed", run=RUN, error={"Error": name, "Cause": "It broke."}))
    assert f"What to do: {ADVICE[name]}" in mail.body
    assert mail.subject == f"Run failed ({name}): shop"


def test_a_rejection_names_the_lines_and_counts_the_rest() -> None:
    problems = [{"line": line, "code": "invalid-json", "message": "is not JSON"} for line in range(1, 21)]
    validation = {
        "accepted": False,
        "format": None,
        "lines": 60,
        "records": 10,
        "problems": 50,
        "warnings": 0,
        "counts": {"invalid-json": 50},
        "first_problems": problems,
        "report_uri": "s3://artifacts/validation.json",
    }
    request = known("DatasetRejected", run=RUN, validation=validation)
    body = messages.compose(request).body
    assert "  line 20: is not JSON\n  and 30 more\n" in body
    assert "The report: s3://artifacts/validation.json. The same folder holds validation.html" in body
    assert messages.failure(request) == Failure(
        Error="DatasetRejected", Cause="50 problems in 60 lines; the first: line 1: is not JSON"
    )


@pytest.mark.parametrize(("lines", "where"), [(1, " in 1 line"), (0, " in 0 lines")])
def test_one_problem_is_counted_as_one(lines: int, where: str) -> None:
    first = {"line": 1, "code": "invalid-json", "message": "is not JSON"}
    counted = {"accepted": False, "format": None, "lines": lines, "records": 0, "problems": 1, "warnings": 0}
    saved = {"counts": {}, "first_problems": [first], "report_uri": "s3://artifacts/validation.json"}
    found = messages.failure(known("DatasetRejected", run=RUN, validation=counted | saved))
    assert found.Cause == f"1 problem{where}; the first: line 1: is not JSON"


def test_what_was_refused_before_there_was_a_run_is_named_by_its_key() -> None:
    request = {"bucket": "datasets", "key": "incoming/x.zip"}
    error = {"Error": "UnsupportedDataset", "Cause": "not a dataset"}
    mail = messages.compose(known("RequestRefused", request=request, error=error))
    assert mail.subject == "Run failed (UnsupportedDataset): x.zip"
    assert "Dataset: s3://datasets/incoming/x.zip" in mail.body
    assert "Nothing was started or billed." in mail.body


def prepared(refused: int, lines: tuple[int, ...]) -> dict[str, Any]:
    return {
        "training_uri": "s3://artifacts/training",
        "validation_uri": None,
        "evaluation_uri": None,
        "training_records": 100,
        "validation_records": 10,
        "evaluation_items": 40,
        "duplicates": 0,
        "leaked": 0,
        "refused_items": refused,
        "refused_lines": lines,
        "training_tokens": 1_000,
        "estimated_usd": 1.0,
        "within_budget": True,
        "budget_reason": "",
        "shards": (),
    }


def test_a_run_that_cannot_decide_says_what_is_missing_and_that_nothing_was_billed() -> None:
    forecast = "No verdict is possible: 4 evaluation items can be measured by token F1, and a verdict takes 20."
    told = known("NoVerdictPossible", run=RUN, prepared=prepared(1, (7,)) | {"forecast": forecast})
    mail = messages.compose(told)
    assert mail.subject == "No verdict possible, not started: shop"
    for words in (forecast, "Nothing was started or billed.", "(line 7)", "evaluation: optional"):
        assert words in mail.body
    assert messages.failure(told) == Failure(Error="NoVerdictPossible", Cause=forecast)


@pytest.mark.parametrize(
    ("refused", "lines", "words"),
    [
        (1, (4,), "because a contestant was trained on them: 1 (line 4)."),
        (2, (4, 9), "because a contestant was trained on them: 2 (lines 4, 9)."),
        (30, (4, 9), "because a contestant was trained on them: 30 (lines 4, 9 and 28 more)."),
    ],
)
def test_evaluation_items_that_were_not_scored_are_named_by_line(
    refused: int, lines: tuple[int, ...], words: str
) -> None:
    for outcome in ("ModelPromoted", "ModelNotPromoted"):
        assert words in messages.compose(known(outcome, run=RUN, prepared=prepared(refused, lines))).body
        assert "not scored" not in messages.compose(known(outcome, run=RUN, prepared=prepared(0, ()))).body


def test_a_promotion_says_from_how_many_calls_throughput_pays() -> None:
    pays = "On demand 1,000 calls cost $1.00; throughput of $60.00 an hour pays from 60,000 calls an hour."
    mail = messages.compose(known("ModelPromoted", run=RUN, evaluation=VERDICT | {"break_even": pays}))
    assert pays in mail.body


MODEL = {"outcome": "trained", "reason": "", "model_arn": "arn:model", "model_name": "shop-model"}
VERDICT: dict[str, Any] = {
    "decision": "inconclusive",
    "reason": "Nobody knows.",
    "metric": "label",
    "base_score": 0.5,
    "candidate_score": 0.5,
    "champion_score": None,
    "difference": 0.0,
    "interval": (-0.1, 0.1),
    "items": 40,
    "provision": False,
    "report_uri": "s3://artifacts/report.html",
}


def not_promoted(*, settings: dict[str, Any] | None = None, **verdict: Any) -> str:
    run = RUN | {"settings": settings or {}}
    return messages.compose(
        known("ModelNotPromoted", run=run, prepared=prepared(0, ()), model=MODEL, evaluation=VERDICT | verdict)
    ).body


@pytest.mark.parametrize(
    ("items", "refused", "outcome", "words"),
    [
        (40, 0, "trained", "Provisioned Throughputs across custom models'. Then drop the dataset again; the model"),
        (0, 0, "trained", "What to do: Add an evaluation.jsonl to the project"),
        (0, 3, "trained", "What to do: Write evaluation items that neither"),
        (40, 0, "trained_unmeasurable", "What to do: Open an endpoint of your own"),
    ],
)
def test_a_model_that_was_not_evaluated_asks_for_what_stood_in_the_way(
    items: int, refused: int, outcome: str, words: str
) -> None:
    told = known(
        "ModelNotPromoted",
        run=RUN,
        prepared=prepared(refused, (1,) * min(refused, 1)) | {"evaluation_items": items},
        model=MODEL | {"outcome": outcome},
        evaluation=VERDICT | {"metric": None, "difference": None, "interval": None, "items": 0},
    )
    body = messages.compose(told).body
    assert words in body
    assert "fall short" not in body
    assert "The custom model shop-model is kept and billed for storage, for $1.75 a month." in body


def test_a_run_whose_model_could_not_go_into_service_is_not_started_and_says_what_to_add() -> None:
    for settings, words in (
        ({"deployment": "provisioned"}, "  prices:\n    provisioned_per_hour: what an hour"),
        ({"deployment": "provisioned", "base_model": ON_DEMAND_ONLY}, "What to do: Nothing, or change deployment"),
    ):
        planned = RUN_OF.model_copy(update={"settings": Settings.model_validate(settings)})
        reason = f"Its model could be of no use: {messages.not_in_service(planned)}"
        told = known("BudgetExceeded", run=planned.payload(), prepared=prepared(0, ()) | {"budget_reason": reason})
        body = messages.compose(told).body
        assert reason in body
        assert words in body
        assert "fewer records" not in body


def test_a_difference_says_that_it_is_the_one_to_the_base_model() -> None:
    assert "  above the base +25.4 points (+17.2 to +33.7)" in not_promoted(difference=0.254, interval=(0.172, 0.337))


def test_a_model_that_was_evaluated_asks_for_what_its_verdict_calls_for() -> None:
    assert "What to do: Add items to the project's evaluation.jsonl" in not_promoted()
    assert "What to do: Read the answers in the report" in not_promoted(decision="do_not_promote")
    reason = "It is better. It is not put into service, because the settings say deployment: none."
    told = not_promoted(decision="do_not_promote", reason=reason, settings={"deployment": "none"})
    assert "What to do: Nothing, or change deployment" in told
    assert "What to do: Read" in not_promoted(decision="do_not_promote", settings={"deployment": "none"})


BY_THE_HOUR = {"deployment": "provisioned", "base_model": "amazon.nova-lite-v1:0:300k"}
NOT_AGREED = "It is better. It is not put into service: its throughput costs $108.15 an hour, $78,949.50 a month, and "


def not_agreed(reason: str, settings: dict[str, Any], **run: Any) -> str:
    told = known(
        "ModelNotPromoted",
        run=RUN | {"settings": settings, **run},
        prepared=prepared(0, ()),
        model=MODEL,
        evaluation=VERDICT | {"decision": "do_not_promote", "reason": reason},
    )
    return messages.compose(told).body


def test_a_model_whose_price_in_service_nobody_may_agree_to_comes_with_the_price_and_the_lines_to_add() -> None:
    reason = f"{NOT_AGREED}budget.service_usd_per_month is $0.00."
    bounded = not_agreed(reason, BY_THE_HOUR, ceilings={"service_usd_per_month": 1000})
    assert reason in bounded
    assert bounded.count("drop the dataset again:\n  budget:\n    service_usd_per_month: 78950") == 1
    assert "parameter MostServiceUsdPerMonth, $1,000.00, bounds this" in bounded
    agreed = Settings.model_validate(BY_THE_HOUR | {"budget": {"service_usd_per_month": 78950}})
    assert RUN_OF.model_copy(update={"settings": agreed}).service.covered


def test_a_model_whose_price_in_service_nobody_knows_asks_for_the_price() -> None:
    reason = "It is better. It is not put into service, because what an hour of its throughput costs is unknown."
    told = not_agreed(reason, {"deployment": "provisioned"})
    assert "  prices:\n    provisioned_per_hour: what an hour of one model unit costs in USD\n  budget:" in told


def test_the_mail_of_a_run_over_its_budget_names_everything_that_is_billed_and_whose_the_limit_is() -> None:
    bill = ("Training: $1.00, at most $1.45", "In service after a promotion, a month of provisioned throughput: $9.00")
    found = prepared(0, ()) | {"bill": bill, "most_usd": 1.45, "budget_reason": "It costs too much."}
    body = messages.compose(known("BudgetExceeded", run=RUN, prepared=found)).body
    assert all(f"  {line}" in body for line in bill)
    assert "What to do: Raise budget.limit_usd in the project's settings.yaml." in body
    ceiling = RUN | {"ceilings": {"usd_per_run": 50}}
    stack = messages.compose(known("BudgetExceeded", run=ceiling, prepared=found)).body
    assert "a higher MostUsdPerRun; no settings.yaml can raise that limit" in stack
    for most, less in (
        ("training ($9", "or train on fewer records or epochs."),
        ("evaluation: answers ($9", "or make the evaluation set smaller."),
        ("evaluation: provisioned throughput ($9", "or use a base model that is served on demand."),
        ("storage of the custom model for a month ($9", "in the project's settings.yaml."),
    ):
        told = found | {"budget_reason": f"It costs too much; most of it is {most}"}
        assert less in messages.compose(known("BudgetExceeded", run=RUN, prepared=told)).body
    unknown = found | {"budget_reason": "The cost cannot be estimated because a price is unknown; set prices.x."}
    body = messages.compose(known("BudgetExceeded", run=RUN, prepared=unknown)).body
    assert "Set the named prices" in body
    assert "Raise budget" not in body
    month = found | {"budget_reason": monthly_reason("2026-11", 3, 0, 5, 6)}
    body = messages.compose(known("BudgetExceeded", run=RUN, prepared=month)).body
    assert "have cost $3.00 in 2026-11 by UTC. This run may cost up to $5.00" in body
    assert "or raise budget.project_usd_per_month in its settings.yaml" in body


def failed(error: str, stands: Standing) -> str:
    told = known("RunFailed", run=RUN, error={"Error": error, "Cause": "It did not work."})
    return messages.compose(told, stands).body


@pytest.mark.parametrize("error", ["EndpointFailed", "ChampionChanged", "States.Timeout", "Aborted"])
def test_the_mail_of_a_failure_after_training_has_the_command_that_goes_on(error: str) -> None:
    run = Run.model_validate(RUN)
    command = f"finetune resume {run.run_id} --project {run.project}."
    assert command in failed(error, Standing(resumable=True))
    assert "finetune resume" not in failed(error, Standing())


def test_a_mail_of_nothing_new_names_the_earlier_run_and_its_report() -> None:
    earlier = {"run_id": "20261120-112233-0a1b2c3d", "standing": "judged", "reason": "No.", "report_uri": "s3://a/r"}
    mail = messages.compose(known("NothingNew", run=RUN, prepared=prepared(0, ()) | {"earlier": earlier}))
    assert mail.subject.startswith("Nothing new: ")
    for part in ("20261120-112233-0a1b2c3d", "No.", "s3://a/r", "Dataset: s3://"):
        assert part in mail.body


def test_a_model_that_was_replaced_before_its_mail_was_written_is_told_of_as_that() -> None:
    promotion = {
        "endpoint_arn": "arn:endpoint",
        "kind": "on_demand",
        "model_arn": "arn:other",
        "previous_model_arn": "arn:model",
        "parameter": "/finetune/shop/endpoint",
    }
    replaced = known("ModelPromoted", run=RUN, promotion=promotion | {"replaced_by": "20261120-112233-0a1b2c3d"})
    assert "Since then run 20261120-112233-0a1b2c3d has put another" in messages.compose(replaced).body
    assert "Since then" not in messages.compose(known("ModelPromoted", run=RUN, promotion=promotion)).body


def test_a_run_whose_model_is_there_is_resumed_and_not_dropped_again() -> None:
    error = {"Error": "EndpointFailed", "Cause": "It did not come up."}
    bodies = [
        messages.compose(known("RunFailed", run=RUN, error=error), Standing(resumable=there)).body
        for there in (True, False)
    ]
    assert ["What to do: Resume the run later" in body for body in bodies] == [True, False]
    assert ["rop the dataset again" in body for body in bodies] == [False, True]

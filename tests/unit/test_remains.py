"""What a mail says of money: what a run has cost, what it leaves that is billed, and which command removes that."""

from __future__ import annotations

from typing import Any

import pytest

from finetune import messages, remains
from finetune.contracts import NotifyInput, PromoteModelOutput, SelectModelOutput
from finetune.domain.billing.spent import Spent, SpentLine
from finetune.remains import Standing
from tests.unit.test_messages import MODEL, RUN, known, prepared

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:{stack}:shop-run"
SPENT = Spent(lines=(SpentLine(what="training", quantity=1000, unit="tokens", usd=1.2),))
LEFT = Standing(models={"shop-c1": "arn:model"}, deletion={"shop-c1": "2026-12-21"}, spent=SPENT)
FAILED = {"Error": "EndpointFailed", "Cause": "It did not come up."}
PROMOTION = {
    "endpoint_arn": "arn:endpoint",
    "kind": "provisioned",
    "model_arn": "arn:model",
    "previous_model_arn": None,
    "parameter": "/finetune/shop/endpoint",
}


def told(outcome: str, stands: Standing, *, settings: dict[str, Any] | None = None, **more: Any) -> str:
    request = known(outcome, run=RUN | {"settings": settings or {}}, **more)
    return messages.compose(request, stands).body


@pytest.mark.parametrize(
    ("outcome", "more"),
    [
        ("RunFailed", {"error": FAILED}),
        ("RunFailed", {"error": {"Error": "Aborted", "Cause": "Somebody stopped the execution."}}),
        ("TrainingFailed", {"model": {"outcome": "failed", "reason": "It broke."}}),
        ("ModelNotPromoted", {"model": MODEL, "prepared": prepared(0, ())}),
    ],
)
def test_every_mail_of_an_end_after_training_names_cost_and_model_with_its_day_and_the_commands(
    outcome: str, more: dict[str, Any]
) -> None:
    body = told(outcome, LEFT, **more)
    assert "Cost of the run: $1.20 (training $1.20), computed from the tokens and hours that were used." in body
    assert "Prices are those of the catalog of 2026-08-02, which is 111 days ago." in body
    assert (
        "The custom model shop-c1 is kept and billed for storage, for $1.75 a month. It is deleted on 2026-12-21. "
        "`finetune keep shop-c1` keeps it for longer, `finetune delete shop-c1` deletes it now."
    ) in body


def test_a_model_that_an_earlier_run_trained_is_named_as_such_with_its_day_if_it_has_one() -> None:
    adopted = Standing(adopted={"shop-c1": "arn:model"}, deletion={"shop-c1": "2026-12-21"})
    words = (
        "The custom model shop-c1, which an earlier run trained, is kept and billed for storage, for $1.75 a month. "
    )
    commands = "`finetune keep shop-c1` keeps it for longer, `finetune delete shop-c1` deletes it now."
    assert f"{words}It is deleted on 2026-12-21. {commands}" in told("RunFailed", adopted, error=FAILED)
    undated = adopted.model_copy(update={"deletion": {}})
    assert f"{words}{commands}" in told("RunFailed", undated, error=FAILED)
    promoted = adopted.model_copy(update={"promotion": PromoteModelOutput.model_validate(PROMOTION)})
    assert "is kept" not in told("ModelPromoted", promoted, model=MODEL, promotion=PROMOTION)


def test_the_estimate_stands_beside_the_cost() -> None:
    body = told("ModelNotPromoted", LEFT, model=MODEL, prepared=prepared(0, ()))
    assert "It was estimated at $1.00, with a month of storage." in body


@pytest.mark.parametrize("outcome", ["RequestRefused", "DatasetRejected", "BudgetExceeded"])
def test_an_end_before_any_job_says_that_nothing_was_billed(outcome: str) -> None:
    assert "billed." in messages.compose(known(outcome)).body


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("provisioned", {"prices": {"provisioned_per_hour": 108.15}}, "$108.15 an hour, about $78,950 a month."),
        (
            "provisioned",
            {"prices": {"provisioned_per_hour": 10}, "deployment": "provisioned", "model_units": 3},
            "$30.00 an hour, about $21,900 a month.",
        ),
        ("provisioned", {}, "billed by the hour until it is deleted: at a price that is not known."),
        ("on_demand", {}, "billed by the token and costs nothing while idle."),
    ],
)
def test_what_is_in_service_is_named_with_its_price_and_the_command_that_removes_it(
    kind: str, settings: dict[str, Any], words: str
) -> None:
    body = told("ModelPromoted", LEFT, settings=settings, promotion=PROMOTION | {"kind": kind})
    assert words in body
    assert "Its custom model is billed for storage, for $1.75 a month." in body
    assert "`finetune delete shop` takes it out of service and deletes it." in body


def test_the_promoted_model_is_not_told_of_as_kept_but_another_candidate_is() -> None:
    models = {"shop-c1": "arn:model", "shop-c2": "arn:second"}
    stands = LEFT.model_copy(update={"models": models, "promotion": known_promotion()})
    body = told("ModelPromoted", stands, promotion=PROMOTION)
    assert "The custom model shop-c2 is kept" in body
    assert "The custom model shop-c1 is kept" not in body


def known_promotion() -> Any:
    return NotifyInput.model_validate(
        {"outcome": "ModelPromoted", "execution_arn": "", "promotion": PROMOTION}
    ).promotion


@pytest.mark.parametrize(
    ("stack", "words"), [("finetune", "delete shop-c1`"), ("other", "delete shop-c1 --stack other`")]
)
def test_a_command_names_the_stack_unless_it_is_the_usual_one(stack: str, words: str) -> None:
    request = known("RunFailed", run=RUN, error=FAILED).model_copy(
        update={"execution_arn": EXECUTION.format(stack=stack)}
    )
    assert words in messages.compose(request, LEFT).body


def test_what_bedrock_did_not_tell_is_not_denied() -> None:
    stands = Standing(unknown="no answer", spent=Spent(missing=("what Bedrock did not tell",)))
    body = told("RunFailed", stands, error=FAILED, model=MODEL)
    assert "could not be asked (no answer)" in body
    assert "Cost of the run: at least $0.00. Not counted: what Bedrock did not tell." in body
    assert "The custom model shop-model is kept" in body
    assert "It is deleted after 30 days." in body


def test_without_a_run_the_cost_is_not_known() -> None:
    assert (
        "What the run has cost is not known."
        in messages.compose(known("RunFailed", error=FAILED), Standing(unknown="no plan")).body
    )


def test_before_the_end_the_report_names_the_days_of_the_settings_and_their_price() -> None:
    run = known("RunFailed", run=RUN | {"settings": {"retention": {"days": 7}, "prices": {"storage_per_month": 3}}}).run
    assert run
    assert remains.kept_after(run, SelectModelOutput.model_validate(MODEL)) == (
        "The custom model shop-model is kept and billed for storage, for $3.00 a month. It is deleted 7 days after the "
        "run's end, unless `finetune keep shop-model` was called."
    )
    assert remains.kept_after(run, SelectModelOutput.model_validate(MODEL | {"model_name": None})) == ""


ELSEWHERE = "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-micro-v1:0:128k/abcdefghijkl"


@pytest.mark.parametrize("outcome", ["ModelPromoted", "ModelNotPromoted", "RunFailed"])
def test_a_model_from_elsewhere_is_named_as_nobodys_to_delete_with_what_is_not_known_of_it(outcome: str) -> None:
    run = RUN | {"evaluate": ELSEWHERE}
    body = messages.compose(known(outcome, run=run, model=MODEL), Standing()).body
    assert f"{ELSEWHERE} was trained elsewhere. This stack has not tagged it and never deletes it" in body
    assert "finetune keep" not in body
    assert "takes it out of service and deletes it" not in body
    failed = outcome == "RunFailed"
    assert (f"finetune evaluate --model {ELSEWHERE} --project shop." in body) is failed
    assert ("It is not known what the model was trained on" in body) is not failed
    assert (f"Model: {ELSEWHERE}\nEvaluation set: s3://" in body) is failed

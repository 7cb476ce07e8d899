"""What was trained is found by its content or by its run, and is not trained again while it stands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from finetune.aws import trained
from finetune.aws.trained import Found, Looking
from finetune.contracts import JudgeEvaluationOutput
from finetune.domain.customization.jobs import RUN_BOUND
from finetune.errors import NothingToResume, ServiceRefused, TrainingBusy
from finetune.run import Champion, Run
from finetune.settings import Settings
from tests.evaluating import Bucket, items
from tests.evaluating import prepared as some
from tests.integration.deployed import Deployed
from tests.integration.fakes import VERDICT

ITEMS = "s3://artifacts/runs/shop/r/staged/evaluation-0a.jsonl"


def by(deployed: Deployed) -> Looking:
    return Looking(deployed.stack.emulator.control, deployed.s3, deployed.executions)  # type: ignore[arg-type]  # in memory


def look(deployed: Deployed, run: Run, content: str = "same") -> Found:
    return trained.look(by(deployed), run, content)


def resuming(deployed: Deployed, run: Run) -> Run:
    return deployed.planned().model_copy(update={"resume": run.run_id})


def with_model(deployed: Deployed) -> Run:
    """A run that has claimed the content, trained a model and ended."""
    run = deployed.planned()
    assert look(deployed, run).claim
    deployed.training(run)
    deployed.stack.emulator.finish_jobs(deployed.stack.clock)
    deployed.later()
    deployed.ended(run, "FAILED")
    return run


def verdict(**more: Any) -> JudgeEvaluationOutput:
    return VERDICT.model_copy(update={"decision": "do_not_promote", "reason": "It is not better."} | more)


# By content


def test_a_content_is_claimed_once_and_its_run_finds_its_claim_again(deployed: Deployed) -> None:
    run, other = deployed.planned(), deployed.planned()
    first = look(deployed, run)
    assert first.claim == "s3://artifacts/trainings/shop/same-0.json"
    assert look(deployed, run) == first
    assert look(deployed, other, "other").claim == "s3://artifacts/trainings/shop/other-0.json"


def test_while_one_run_goes_on_another_of_the_same_content_does_not_train(deployed: Deployed) -> None:
    run = deployed.planned()
    look(deployed, run)
    assert look(deployed, deployed.planned()) == Found(going_on=run.run_id)


def test_the_model_of_a_run_that_has_ended_is_used_again(deployed: Deployed) -> None:
    run, again = with_model(deployed), deployed.planned()
    found = look(deployed, again)
    assert found.claim is None
    assert found.model
    assert (found.model.model_name, found.model.trained_by) == (run.candidates[0].name, run.folder)
    assert found.model.outcome == "trained"
    told = trained.trained_by(deployed.s3, again.folder)
    assert told
    assert (told.folder, told.models) == (run.folder, (run.candidates[0].name,))
    assert trained.trained_by(deployed.s3, run.folder) is None


def test_a_model_that_a_run_goes_on_with_is_in_hand_until_that_run_has_ended(deployed: Deployed) -> None:
    with_model(deployed)
    again = deployed.planned()
    found = look(deployed, again).model
    assert found
    going = {again.execution_arn}
    assert trained.in_hand(deployed.s3, "artifacts", "shop", going=going.__contains__) == {found.model_arn}
    assert trained.in_hand(deployed.s3, "artifacts", "shop", going=set[str]().__contains__) == set()


def test_a_model_that_was_deleted_is_trained_again(deployed: Deployed) -> None:
    run = with_model(deployed)
    deployed.stack.emulator.control.delete_custom_model(modelIdentifier=run.candidates[0].name)
    assert look(deployed, deployed.planned()).claim == "s3://artifacts/trainings/shop/same-1.json"


def test_settings_may_ask_for_another_training_but_not_beside_one_that_goes_on(deployed: Deployed) -> None:
    run = with_model(deployed)
    again = deployed.planned().model_copy(update={"settings": Settings(retrain=True)})
    assert look(deployed, again).claim == "s3://artifacts/trainings/shop/same-1.json"
    third = deployed.planned().model_copy(update={"settings": Settings(retrain=True)})
    assert look(deployed, third).going_on == again.run_id
    deployed.ended(again, "FAILED")
    deployed.later()
    found = look(deployed, deployed.planned())
    assert found.model
    assert found.model.trained_by == run.folder


def test_a_run_that_ended_without_a_model_is_succeeded_once_nothing_of_it_can_start_a_job(deployed: Deployed) -> None:
    run, again = deployed.planned(), deployed.planned()
    look(deployed, run)
    deployed.ended(run, "ABORTED")
    with pytest.raises(TrainingBusy, match=run.run_id):
        look(deployed, again)
    deployed.later()
    assert look(deployed, again).claim == "s3://artifacts/trainings/shop/same-1.json"


def test_a_job_that_still_goes_on_is_waited_for_although_its_run_has_ended(deployed: Deployed) -> None:
    run, again = deployed.planned(), deployed.planned()
    look(deployed, run)
    job = deployed.training(run)
    deployed.ended(run, "ABORTED")
    deployed.later()
    with pytest.raises(TrainingBusy, match="its job has not ended yet"):
        look(deployed, again)
    deployed.stack.emulator.control.stop_model_customization_job(jobIdentifier=job)
    while deployed.status_of(job) != "Stopped":  # its thread sees the request when it has its turn
        deployed.later()
    assert look(deployed, again).claim


def test_an_execution_that_is_forgotten_is_over_only_when_no_run_lasts_so_long(deployed: Deployed) -> None:
    run, again = deployed.planned(), deployed.planned()
    look(deployed, run)
    del deployed.executions.statuses[run.execution_arn]
    with pytest.raises(TrainingBusy):
        look(deployed, again)
    deployed.later(minutes=RUN_BOUND / timedelta(minutes=1) + 1)
    assert look(deployed, again).claim


def test_a_run_whose_training_another_one_took_over_starts_no_job_any_more(deployed: Deployed) -> None:
    run, again = deployed.planned(), deployed.planned()
    of_run = some(items(1), Bucket(), run).model_copy(update={"claim": look(deployed, run).claim})
    trained.require_turn(deployed.s3, of_run)
    deployed.ended(run, "ABORTED")
    deployed.later()
    of_again = of_run.model_copy(update={"claim": look(deployed, again).claim})
    with pytest.raises(ServiceRefused, match=f"Run {again.run_id} has taken over"):
        trained.require_turn(deployed.s3, of_run)
    trained.require_turn(deployed.s3, of_again)


def test_a_run_that_claimed_nothing_has_nothing_to_lose(deployed: Deployed) -> None:
    trained.require_turn(deployed.s3, some(items(1), Bucket(), deployed.planned()))


# By the name of a run


def test_a_run_is_resumed_with_its_model_whatever_the_content_is(deployed: Deployed) -> None:
    run = with_model(deployed)
    found = look(deployed, resuming(deployed, run), "another")
    assert found.model
    assert found.model.trained_by == run.folder
    assert not [key for key in deployed.bucket.objects if key.startswith("trainings/shop/another")]


def test_a_run_that_was_resumed_can_be_resumed_again_whether_it_found_the_model_or_failed_before(
    deployed: Deployed,
) -> None:
    run = with_model(deployed)
    second = resuming(deployed, run)
    look(deployed, second)
    deployed.ended(second, "FAILED")
    found = look(deployed, resuming(deployed, second))
    assert found.model
    assert found.model.trained_by == run.folder


def test_a_run_that_goes_on_or_has_no_model_or_does_not_exist_is_not_resumed(deployed: Deployed) -> None:
    run = deployed.planned()
    with pytest.raises(NothingToResume, match=f"{run.run_id} is still going on"):
        look(deployed, resuming(deployed, run))
    deployed.ended(run, "FAILED")
    with pytest.raises(NothingToResume, match=f"{run.run_id} has no custom model"):
        look(deployed, resuming(deployed, run))
    nobody = deployed.planned().model_copy(update={"resume": "20260101-000000-00000000"})
    with pytest.raises(NothingToResume, match="no run 20260101-000000-00000000"):
        look(deployed, nobody)


# By its verdict


def nothing_new(deployed: Deployed, run: Run, evaluation: str | None = ITEMS) -> Any:
    return trained.nothing_new(deployed.s3, run, look(deployed, run), evaluation)


def judged(deployed: Deployed, **more: Any) -> Run:
    """A run whose model has its verdict."""
    run = with_model(deployed)
    model = look(deployed, deployed.planned()).model
    assert model
    trained.note_verdict(deployed.s3, run, model, ITEMS, verdict(**more))
    return run


def test_what_trains_or_was_never_judged_has_something_to_do(deployed: Deployed) -> None:
    assert nothing_new(deployed, deployed.planned()) is None


def test_a_model_that_was_never_judged_is_judged(deployed: Deployed) -> None:
    with_model(deployed)
    assert nothing_new(deployed, deployed.planned()) is None


def test_what_trains_now_is_named(deployed: Deployed) -> None:
    run = deployed.planned()
    look(deployed, run)
    found = nothing_new(deployed, deployed.planned())
    assert (found.run_id, found.standing) == (run.run_id, "going_on")


def test_what_was_judged_by_the_same_evaluation_is_named_with_its_verdict(deployed: Deployed) -> None:
    run = judged(deployed)
    found = nothing_new(deployed, deployed.planned())
    assert (found.run_id, found.standing, found.reason) == (run.run_id, "judged", "It is not better.")
    assert found.report_uri == VERDICT.report_uri


@pytest.mark.parametrize(
    "settings",
    [
        {"gates": {"minimum_gain": 0.1}},
        {"metric": "exact_match"},
        {"deployment": "none"},
        {"judge": {"model": "amazon.nova-pro-v1:0"}},
    ],
    ids=str,
)
def test_another_gate_metric_judge_or_deployment_judges_anew(deployed: Deployed, settings: dict[str, Any]) -> None:
    judged(deployed)
    changed = deployed.planned().model_copy(update={"settings": Settings.model_validate(settings)})
    assert nothing_new(deployed, changed) is None


def test_another_evaluation_set_or_another_champion_judges_anew(deployed: Deployed) -> None:
    judged(deployed)
    assert nothing_new(deployed, deployed.planned(), ITEMS.replace("0a", "0b")) is None
    champion = Champion(endpoint_arn="arn:e", model_arn="arn:other", run_id="r")
    assert nothing_new(deployed, deployed.planned().model_copy(update={"champion": champion})) is None


def test_a_budget_or_a_retention_decides_no_verdict(deployed: Deployed) -> None:
    judged(deployed)
    settings = Settings.model_validate({"budget": {"limit_usd": 7}, "retention": {"models": 3}})
    assert nothing_new(deployed, deployed.planned().model_copy(update={"settings": settings})).standing == "judged"


def test_other_prices_of_the_judge_decide_no_verdict(deployed: Deployed) -> None:
    judged(deployed)
    settings = Settings.model_validate({"judge": {"prices": {"input_per_1k_tokens": 0.5}}})
    assert nothing_new(deployed, deployed.planned().model_copy(update={"settings": settings})).standing == "judged"


def test_a_model_that_was_to_be_promoted_and_is_not_in_service_is_judged_again(deployed: Deployed) -> None:
    judged(deployed, decision="promote")
    assert nothing_new(deployed, deployed.planned()) is None


def test_the_model_in_service_has_nothing_to_be_done_for_it(deployed: Deployed) -> None:
    run = judged(deployed, decision="promote")
    model = look(deployed, deployed.planned()).model
    assert model
    assert model.model_arn
    champion = Champion(endpoint_arn="arn:e", model_arn=model.model_arn, run_id=run.run_id)
    found = nothing_new(deployed, deployed.planned().model_copy(update={"champion": champion}))
    assert (found.run_id, found.standing) == (run.run_id, "in_service")


def test_a_run_that_is_resumed_is_judged_whatever_its_last_verdict_was(deployed: Deployed) -> None:
    run = judged(deployed)
    assert nothing_new(deployed, resuming(deployed, run)) is None

"""What stands of a run is asked of AWS: what is in service, what still costs something, what is kept."""

from __future__ import annotations

import pytest

from finetune.aws import storage
from finetune.aws.standing import standing
from finetune.errors import ServiceBusy
from finetune.remains import Standing
from tests.integration.deployed import Deployed, down
from tests.integration.fakes import STACK, until_done


def stands(deployed: Deployed, run: object) -> Standing:
    return standing(deployed.stack.emulator.control, deployed.stack.ssm, deployed.s3, run, stack=STACK)  # type: ignore[arg-type]  # a run


def test_nothing_stands_of_a_run_that_started_nothing(deployed: Deployed) -> None:
    assert stands(deployed, deployed.planned()) == Standing()


def test_a_job_counts_until_it_has_ended(deployed: Deployed) -> None:
    run = deployed.planned()
    job = deployed.training(run)
    assert stands(deployed, run) == Standing(jobs=(job,))
    deployed.stack.emulator.control.stop_model_customization_job(jobIdentifier=job)
    assert stands(deployed, run) == Standing(jobs=(job,))
    while deployed.status_of(job) != "Stopped":  # its thread sees the request when it has its turn
        deployed.later()
    assert stands(deployed, run) == Standing(unfinished=(job,))


def test_an_endpoint_counts_unless_it_is_the_one_in_service_and_a_model_always(deployed: Deployed) -> None:
    run = deployed.planned()
    endpoint = deployed.evaluating(run)
    [candidate] = run.candidates
    [model] = deployed.stack.emulator.admin.ledger().models
    assert stands(deployed, run) == Standing(
        endpoints=(endpoint.arn,), models={candidate.name: model.arn}, trained=(candidate.name,), resumable=True
    )
    request = deployed.stack.request(deployed.planned())
    deployed.stack.promote(request)
    found = stands(deployed, request.run)
    assert found.promotion
    assert (found.promotion.endpoint_arn, found.endpoints) == (request.throughput.arn, ())
    assert stands(deployed, run).promotion is None


def test_a_model_that_was_in_service_is_told_of_although_another_run_has_replaced_it_since(deployed: Deployed) -> None:
    first, second = (deployed.stack.request(deployed.planned()) for _ in range(2))
    deployed.stack.promote(first)
    deployed.ended(first.run, "ABORTED")
    deployed.later()
    again = second.run.model_copy(update={"champion": deployed.champion})
    until_done(lambda: deployed.stack.promote(second.model_copy(update={"run": again})), deployed.stack.clock)
    found = stands(deployed, first.run).promotion
    assert found
    assert found.replaced_by == second.run.run_id
    own = stands(deployed, second.run).promotion
    assert own
    assert own.replaced_by is None


def test_a_model_that_an_earlier_run_trained_can_be_gone_on_with_as_long_as_it_stands(deployed: Deployed) -> None:
    run = deployed.planned()
    deployed.evaluating(run)
    again = deployed.planned()
    told = {"schema": 1, "folder": run.folder, "models": [run.candidates[0].name]}
    storage.write_json(deployed.s3, again.uri("trained_by.json"), told)
    [model] = deployed.stack.emulator.admin.ledger().models
    assert stands(deployed, again) == Standing(resumable=True, adopted={model.name: model.arn})


def test_a_model_of_an_earlier_run_that_is_in_service_is_not_left_over(deployed: Deployed) -> None:
    request = deployed.stack.request(deployed.planned())
    deployed.stack.promote(request)
    again = deployed.planned()
    told = {"schema": 1, "folder": request.run.folder, "models": [request.model.model_name]}
    storage.write_json(deployed.s3, again.uri("trained_by.json"), told)
    assert (stands(deployed, again).adopted, stands(deployed, again).resumable) == ({}, True)


def test_what_bedrock_does_not_say_is_unknown_but_what_is_published_has_to_be_known(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = deployed.planned()
    deployed.stack.emulator.admin.inject("throttle-get-job:always")
    unknown = stands(deployed, run).unknown
    assert unknown
    assert "ThrottlingException" in unknown
    monkeypatch.setattr(deployed.stack.parameters, "get_parameter", lambda **_: down())
    with pytest.raises(ServiceBusy):
        stands(deployed, run)

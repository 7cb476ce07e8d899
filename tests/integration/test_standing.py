"""What stands of a run is asked of AWS: what is in service, what still costs something, what is kept."""

from __future__ import annotations

import pytest

from finetune.aws.standing import standing
from finetune.errors import ServiceBusy
from finetune.remains import Standing
from tests.integration.deployed import Deployed, down
from tests.integration.fakes import STACK


def stands(deployed: Deployed, run: object) -> Standing:
    return standing(deployed.stack.emulator.control, deployed.stack.ssm, run, stack=STACK)  # type: ignore[arg-type]  # a run


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
        endpoints=(endpoint.arn,), models={candidate.name: model.arn}, trained=(candidate.name,)
    )
    request = deployed.stack.request(deployed.planned())
    deployed.stack.promote(request)
    found = stands(deployed, request.run)
    assert found.promotion
    assert (found.promotion.endpoint_arn, found.endpoints) == (request.throughput.arn, ())
    assert stands(deployed, run).promotion is None


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

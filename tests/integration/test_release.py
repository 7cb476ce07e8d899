"""Releasing what a run still pays for: every part is tried although one fails."""

from __future__ import annotations

import pytest

from finetune.aws import release
from finetune.aws.release import Attempts
from finetune.errors import AccessRefused, EndpointBusy
from finetune.parts import Endpoint
from finetune.run import Candidate
from tests.integration.fakes import STACK, Stack


def test_a_job_that_cannot_be_stopped_does_not_keep_the_endpoint_open(stack: Stack) -> None:
    run = stack.run().model_copy(update={"candidates": (Candidate(index=1, name="job", hyperparameters={}),)})
    stack.request(run)
    stack.emulator.admin.inject("deny-get-job")
    with pytest.raises(AccessRefused):
        release.release_run(stack.emulator.control, stack.ssm, stack.s3, run, stack=STACK)
    assert stack.open_arns() == set()


def test_before_a_rematch_only_throughput_beside_the_evaluated_endpoint_is_released(stack: Stack) -> None:
    run = stack.run()
    evaluated, serving = (stack.request(run, kind=kind).throughput for kind in ("on_demand", "provisioned"))
    stack.clock.advance(3600)

    def released(keep: Endpoint) -> tuple[str, ...]:
        control, ssm, s3 = stack.emulator.control, stack.ssm, stack.s3
        return release.release_run(control, ssm, s3, run, stack=STACK, keep=keep).released

    assert released(serving) == ()
    assert released(evaluated) == (serving.arn,)
    assert stack.open_arns() == {evaluated.arn}


def test_of_several_failures_the_one_that_waiting_does_not_mend_is_raised() -> None:
    attempts = Attempts()
    for error in (EndpointBusy("wait"), AccessRefused("act"), EndpointBusy("wait")):
        with attempts.one():
            raise error
    with pytest.raises(AccessRefused):
        attempts.conclude()

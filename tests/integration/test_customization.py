"""Customization jobs: started once, whatever is lost on the way."""

from __future__ import annotations

from typing import Any, cast

import pytest

from finetune.aws import customization
from finetune.contracts import Candidate, StartCustomizationInput, StartCustomizationOutput
from finetune.environment import CustomizationEnvironment
from finetune.errors import ServiceRefused
from tests.evaluating import Bucket, items, prepared, run
from tests.integration.fakes import Conflicting

ENVIRONMENT = CustomizationEnvironment(STACK_NAME="stack", CUSTOMIZATION_ROLE_ARN="arn:role", MODEL_KMS_KEY_ARN="")


def start(*found: str | None) -> StartCustomizationOutput:
    planned = run()
    candidate = Candidate(index=1, name="shop-c1", hyperparameters={})
    request = StartCustomizationInput(run=planned, prepared=prepared(items(1), Bucket(), planned), candidate=candidate)
    return customization.start_job(cast("Any", Conflicting(iter(found))), request, ENVIRONMENT)


def test_a_job_that_a_lost_attempt_started_a_moment_ago_is_adopted() -> None:
    assert start(None, "arn:job").job_arn == "arn:job"


def test_a_model_name_that_is_taken_is_refused_for_good() -> None:
    with pytest.raises(ServiceRefused, match="starting customization job shop-c1: ConflictException: It is in use"):
        start(None, None)

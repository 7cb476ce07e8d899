"""What a conflict means depends on the call: a name that is taken stays taken, an endpoint is busy for a while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from finetune.aws import customization, endpoints
from finetune.contracts import Candidate, Endpoint, StartCustomizationInput, StartCustomizationOutput
from finetune.environment import CustomizationEnvironment
from finetune.errors import EndpointBusy, ServiceRefused
from tests.evaluating import Bucket, items, prepared, run

ENVIRONMENT = CustomizationEnvironment(STACK_NAME="stack", CUSTOMIZATION_ROLE_ARN="arn:role", MODEL_KMS_KEY_ARN="")


@dataclass
class Conflicting:
    """Bedrock where every change meets a conflict; `jobs` are the answers to one look after the other."""

    jobs: Iterator[str | None] = field(default_factory=lambda: iter([]))

    def get_model_customization_job(self, **_: str) -> dict[str, Any]:
        if (arn := next(self.jobs)) is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetJob")
        return {"jobArn": arn}

    def __getattr__(self, operation: str) -> Any:
        def refuse(**_: object) -> None:
            raise ClientError({"Error": {"Code": "ConflictException", "Message": "It is in use."}}, operation)

        return refuse


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


@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_an_endpoint_that_cannot_be_deleted_now_is_waited_for(kind: Any) -> None:
    with pytest.raises(EndpointBusy, match="It is in use"):
        endpoints.release(cast("Any", Conflicting()), Endpoint(kind=kind, name="shop", arn="arn:shop"))

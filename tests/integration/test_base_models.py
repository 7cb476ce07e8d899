"""Whether the service takes jobs for a base model is the service's to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from finetune.aws.base_models import accepts_jobs
from finetune.domain.catalog import base_model
from finetune.errors import AccessRefused, ServiceBusy
from local.bedrock.unknowns import Unknowns
from tests.integration.fakes import NOVA, Stack

RETIRED = "meta.llama2-13b-v1:0:4k"
# The tests are in us-east-1.
ELSEWHERE = "meta.llama3-3-70b-instruct-v1:0:128k"


def test_an_active_model_takes_jobs_of_the_methods_that_it_names(stack: Stack) -> None:
    bedrock, row = stack.emulator.control, base_model(NOVA)
    assert accepts_jobs(bedrock, row, "FINE_TUNING")
    assert not accepts_jobs(bedrock, row, "CONTINUED_PRE_TRAINING")


def test_a_retired_model_takes_jobs_once_the_service_calls_it_active(stack: Stack) -> None:
    bedrock, row = stack.emulator.control, base_model(RETIRED)
    assert not accepts_jobs(bedrock, row, "FINE_TUNING")
    stack.emulator.admin.activate(RETIRED)
    stack.emulator.admin.offer_everywhere()
    assert accepts_jobs(bedrock, row, "FINE_TUNING")


def test_where_the_service_names_no_method_the_catalog_decides(stack: Stack) -> None:
    stack.emulator.world.unknowns = Unknowns(names_methods=False)
    stack.emulator.admin.activate(RETIRED)
    stack.emulator.admin.offer_everywhere()
    for model, accepted in {NOVA: True, ELSEWHERE: False, RETIRED: False}.items():
        assert accepts_jobs(stack.emulator.control, base_model(model), "FINE_TUNING") == accepted


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ValidationException"])
def test_a_model_that_the_service_does_not_know_takes_no_jobs(stack: Stack, code: Any) -> None:
    stack.emulator.world.unknowns = Unknowns(absent_model=code)
    assert not accepts_jobs(stack.emulator.control, base_model(ELSEWHERE), "FINE_TUNING")
    unknown = replace(base_model(NOVA), id="amazon.nova-none-v1:0:128k")
    assert not accepts_jobs(stack.emulator.control, unknown, "FINE_TUNING")


@pytest.mark.parametrize(("fault", "error"), [("deny", AccessRefused), ("throttle", ServiceBusy)])
def test_a_service_that_does_not_say_is_no_service_that_says_no(
    stack: Stack, fault: str, error: type[Exception]
) -> None:
    stack.emulator.admin.inject(f"{fault}-get-foundation-model")
    with pytest.raises(error, match=f"asking for the lifecycle of {NOVA}"):
        accepts_jobs(stack.emulator.control, base_model(NOVA), "FINE_TUNING")

"""A custom model that was trained elsewhere is evaluated only if it can be the project's, and is left as it is."""

from __future__ import annotations

import pytest

from finetune.aws import elsewhere
from finetune.domain.catalog import base_model
from finetune.errors import ModelUnusable
from finetune.run import Champion, Run
from tests.integration.fakes import NOVA, PAIRS, STACK, Stack

LITE = "amazon.nova-lite-v1:0:300k"


def require(stack: Stack, arn: str | None, *, base: str = NOVA, champion: Champion | None = None) -> None:
    run = stack.run(champion=False).model_copy(update={"evaluate": arn})
    elsewhere.require_usable(stack.emulator.control, run, base_model(base), champion, stack=STACK)


def given(stack: Stack) -> str:
    """A model that nobody has tagged."""
    return stack.emulator.add_model("by-somebody-else", NOVA, PAIRS)


def own(stack: Stack) -> tuple[str, Run]:
    run = stack.run(champion=False)
    model = stack.request(run).model.model_arn
    assert model
    return model, run


def test_a_model_of_the_account_that_is_active_and_of_the_base_model_may_be_evaluated(stack: Stack) -> None:
    require(stack, given(stack))


def test_a_run_that_evaluates_no_model_from_elsewhere_asks_nothing(stack: Stack) -> None:
    require(stack, None, base=LITE)


def test_a_model_that_was_trained_from_another_base_model_is_refused(stack: Stack) -> None:
    with pytest.raises(ModelUnusable, match=rf"was trained from {NOVA}, and the project's settings say {LITE}"):
        require(stack, given(stack), base=LITE)


def test_a_model_that_is_not_active_is_refused(stack: Stack) -> None:
    with pytest.raises(ModelUnusable, match="is Creating; only an Active model can answer"):
        require(stack, stack.emulator.add_model("early", NOVA, active=False))


def test_a_model_of_another_region_or_account_is_refused_without_being_looked_for(stack: Stack) -> None:
    arn = given(stack)
    for wrong, where in (
        (arn.replace("us-east-1", "us-west-2"), "us-west-2 of account"),
        (arn.replace(arn.split(":")[4], "999999999999"), "of account 999999999999"),
    ):
        with pytest.raises(ModelUnusable, match=f"{where}.*evaluate the copy"):
            require(stack, wrong)


def test_what_is_no_model_or_none_any_more_is_refused(stack: Stack) -> None:
    arn = given(stack)
    stack.emulator.control.delete_custom_model(modelIdentifier=arn)
    with pytest.raises(ModelUnusable, match="does not exist, or was deleted"):
        require(stack, arn)
    for wrong in ("by-somebody-else", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"):
        with pytest.raises(ModelUnusable, match="is not the ARN of a custom model"):
            require(stack, wrong)


def test_a_model_of_the_stack_is_evaluated_by_resuming_its_run(stack: Stack) -> None:
    arn, run = own(stack)
    command = f"finetune resume {run.run_id} --project shop --stack {STACK}"
    with pytest.raises(ModelUnusable, match=f"`{command}` evaluates it"):
        require(stack, arn)


def test_a_model_of_another_stack_is_refused_before_anything_is_paid(stack: Stack) -> None:
    arn = given(stack)
    stack.emulator.control.tag_resource(resourceARN=arn, tags=[{"key": "finetune-stack", "value": "another"}])
    with pytest.raises(ModelUnusable, match="has the tag finetune-stack of another stack"):
        require(stack, arn)


def test_a_model_that_is_in_service_is_not_compared_with_itself(stack: Stack) -> None:
    arn = given(stack)
    with pytest.raises(ModelUnusable, match="is in service already; run before has put it there"):
        require(stack, arn, champion=Champion(endpoint_arn="arn:endpoint", model_arn=arn, run_id="before"))


def test_the_model_is_what_the_run_goes_on_with_and_is_nobodys_to_delete(stack: Stack) -> None:
    arn = given(stack)
    run = stack.run(champion=False).model_copy(update={"evaluate": arn})
    found = elsewhere.model(stack.emulator.control, run)
    assert (found.outcome, found.model_arn, found.model_name) == ("trained", arn, "by-somebody-else")
    assert (found.trained_by, found.candidate) == (None, None)
    stack.emulator.control.delete_custom_model(modelIdentifier=arn)
    with pytest.raises(ModelUnusable, match="was deleted while the run was going"):
        elsewhere.model(stack.emulator.control, run)

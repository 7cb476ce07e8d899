"""What a stack is billed for is asked of the account, whatever the parameters say, and each part on its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finetune.aws import billed, clients, publication
from finetune.aws.billed import Account
from finetune.domain.cost import PriceOverrides
from tests.stacks import Stack, deployed
from tests.template import STACK


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def everything() -> Account:
    return billed.everything(clients.bedrock(), clients.ssm(), STACK)


def test_an_endpoint_without_a_parameter_is_found_by_its_tags_and_one_of_another_stack_is_not(stack: Stack) -> None:
    model = stack.model("shop", 1)
    endpoint = stack.endpoint("shop", 1, model, provisioned=True)
    clients.bedrock().create_custom_model_deployment(modelDeploymentName="foreign", modelArn=model)
    found = {each.arn: each for each in everything().billed}
    assert found.keys() == {model, endpoint}
    assert (found[endpoint].in_service, found[endpoint].project, found[endpoint].run) == (False, "shop", stack.run(1))
    # Of Nova Micro's throughput the catalog knows no price, and unknown is never zero.
    assert (found[endpoint].usd_per_hour, found[model].usd_per_month) == (None, 1.75)


def test_throughput_costs_the_hours_of_all_its_model_units(stack: Stack) -> None:
    model = stack.model("shop", 1)
    endpoint = stack.endpoint("shop", 1, model, provisioned=True, units=2)
    stack.publish("shop", 1, model, endpoint, prices=PriceOverrides(provisioned_per_hour=20))
    [found] = [each for each in everything().billed if each.arn == endpoint]
    assert (found.usd_per_hour, found.usd_per_month) == (40, 29_200)


def test_each_part_that_is_refused_is_named_and_the_others_are_asked(stack: Stack) -> None:
    stack.endpoint("shop", 1, stack.model("shop", 1))
    stack.account.emulator.admin.inject("deny-list-throughputs:always", "deny-list-jobs:always")
    account = everything()
    assert [each.kind for each in account.billed] == ["model", "on_demand"]
    assert [why.partition(":")[0] for why in account.unasked] == [
        "While listing provisioned endpoints",
        "While listing customization jobs",
        "While listing customization jobs",
    ]


def test_a_parameter_that_nobody_can_read_hides_no_endpoint(stack: Stack) -> None:
    model = stack.model("shop", 1)
    stack.publish("shop", 1, model, stack.endpoint("shop", 1, model))
    clients.ssm().put_parameter(Name=publication.parameter_name(STACK, "shop"), Value="by hand", Overwrite=True)
    account = everything()
    assert len(account.billed) == 2
    assert "history" in account.unasked[0]


@pytest.mark.parametrize(
    ("arn", "known"),
    [
        ("arn:aws:bedrock:us-east-1:1:custom-model/amazon.nova-micro-v1:0:128k/abc", True),
        ("arn:aws:bedrock:us-east-1:1:custom-model/nobody.knows-it-v1:0/abc", False),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k", False),
    ],
)
def test_the_base_model_is_read_from_the_arn_of_a_custom_model(arn: str, *, known: bool) -> None:
    assert (billed.row_of(arn) is not None) is known

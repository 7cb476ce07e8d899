"""What a stack has in service, and what it has open beside that, as a person asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from finetune.aws import clients, overview, publication
from finetune.aws.publication import Published
from finetune.aws.tags import PROJECT_TAG, STACK_TAG
from finetune.errors import AccessRefused
from finetune.parts import Endpoint
from tests.account import Account, account, response
from tests.integration.fakes import NOVA
from tests.template import STACK


@pytest.fixture
def running() -> Iterator[Account]:
    with account() as started:
        yield started


def opened(running: Account, slug: str, stack: str = STACK) -> Endpoint:
    """An endpoint of a project, ready."""
    name = f"{stack}-{slug}"
    model = running.emulator.add_model(name, NOVA)
    tags: Any = [{"key": STACK_TAG, "value": stack}, {"key": PROJECT_TAG, "value": slug}]
    made = clients.bedrock().create_custom_model_deployment(modelDeploymentName=name, modelArn=model, tags=tags)
    running.clock.advance(30)
    return Endpoint(kind="on_demand", name=name, arn=made["customModelDeploymentArn"])


def published(slug: str, endpoint: Endpoint) -> Published:
    value = Published(
        endpoint_arn=endpoint.arn,
        endpoint_name=endpoint.name,
        kind=endpoint.kind,
        base_model=NOVA,
        model_arn="arn:model",
        run_id="run",
    )
    publication.write(clients.ssm(), STACK, slug, value)
    return value


def refusal(code: str) -> bytes:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>".encode()


def answer(status: int, body: bytes) -> None:
    """Let CloudFormation say this."""

    def said(**_: object) -> Any:
        return response("https://cloudformation", status, body)

    clients.cloudformation().meta.events.register_first("before-send", said)


def test_every_project_is_shown_with_what_the_service_says_of_its_endpoint(running: Account) -> None:
    shop, gone = (published(slug, opened(running, slug)) for slug in ("shop", "gone"))
    clients.bedrock().delete_custom_model_deployment(customModelDeploymentIdentifier=gone.endpoint_arn)
    first, second = overview.in_service(clients.bedrock(), clients.ssm(), STACK)
    assert (first.slug, first.published, first.found) == ("gone", gone, None)
    assert (second.slug, second.published) == ("shop", shop)
    assert second.found
    assert (second.found.endpoint, second.found.status) == (shop.endpoint, "Ready")


def test_endpoints_of_the_stack_that_are_not_published_are_shown_with_their_project(running: Account) -> None:
    published("shop", opened(running, "shop"))
    evaluating = opened(running, "bar")
    opened(running, "bar", stack="another")
    known = overview.in_service(clients.bedrock(), clients.ssm(), STACK)
    [found] = overview.unpublished(clients.bedrock(), STACK, known)
    assert (found.endpoint, overview.project_of(found)) == (evaluating, "bar")


def test_an_endpoint_that_says_no_project_has_an_empty_one(running: Account) -> None:
    model, tags = running.emulator.add_model("bare", NOVA), [{"key": STACK_TAG, "value": STACK}]
    clients.bedrock().create_custom_model_deployment(modelDeploymentName="bare", modelArn=model, tags=tags)  # type: ignore[arg-type]  # tags
    [found] = overview.unpublished(clients.bedrock(), STACK, [])
    assert overview.project_of(found) == ""


DEPLOYED = b"<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>"


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("status", "body", "exists"),
    [(200, DEPLOYED, True), (400, refusal("ValidationError"), False)],
    ids=["is", "is not"],
)
def test_a_stack_exists_where_cloudformation_can_describe_it(status: int, body: bytes, exists: bool) -> None:
    answer(status, body)
    assert overview.stack_exists(clients.cloudformation(), STACK) is exists


@pytest.mark.usefixtures("running")
def test_who_may_not_look_is_told_so_and_not_that_there_is_no_stack() -> None:
    answer(403, refusal("AccessDenied"))
    with pytest.raises(AccessRefused, match=f"looking for stack {STACK}: AccessDenied: no"):
        overview.stack_exists(clients.cloudformation(), STACK)

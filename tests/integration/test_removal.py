"""What is removed goes in the right order, is looked for until it is gone, and takes nothing of others with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from finetune.aws import clients, executions, removal
from finetune.aws.executions import IN_FLIGHT, Execution
from finetune.aws.removal import Plan, Removing, Target, target_of
from finetune.errors import AccessRefused
from tests.stacks import Stack, deployed
from tests.template import ARTIFACTS, MACHINE, STACK

SHOP, WHOLE = Target(project="shop"), Target()


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def by() -> Removing:
    return Removing(
        bedrock=clients.bedrock(),
        ssm=clients.ssm(),
        s3=clients.s3(),
        stepfunctions=clients.stepfunctions(),
        stack=STACK,
        machine_arn=MACHINE,
        bucket=ARTIFACTS,
    )


def remove(target: Target, *, looks: int = 20, wait: Callable[[], None] = lambda: None) -> Plan:
    return removal.carry_out(by(), target, wait=wait, looks=range(looks))


def in_service(stack: Stack, slug: str, number: int) -> tuple[str, str]:
    model = stack.model(slug, number)
    endpoint = stack.endpoint(slug, number, model)
    stack.publish(slug, number, model, endpoint)
    return model, endpoint


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("shop", SHOP),
        ("My Shop", Target(project="My Shop")),
        ("20261121-103001-00000001", Target(run="20261121-103001-00000001")),
        ("shop-20261121-103001-00000001", Target(run="20261121-103001-00000001", project="shop")),
        ("shop-20261121-103001-00000001-c1", Target(model="shop-20261121-103001-00000001-c1")),
        (
            "arn:aws:bedrock:us-east-1:1:custom-model/a.b/abc",
            Target(model="arn:aws:bedrock:us-east-1:1:custom-model/a.b/abc"),
        ),
    ],
)
def test_what_a_person_names_is_a_model_a_run_or_a_project(text: str, target: Target) -> None:
    found = target_of(text)
    assert found == target


def test_an_endpoint_that_is_still_created_is_waited_for_and_the_parameter_outlives_it(stack: Stack) -> None:
    model = stack.model("shop", 1)
    stack.account.emulator.admin.inject("conflict-delete-deployment@2")
    endpoint = stack.endpoint("shop", 1, model)
    stack.publish("shop", 1, model, endpoint)
    other = stack.model("shop", 2)
    second = stack.endpoint("shop", 2, other)
    waits: list[bool] = []

    def wait() -> None:
        waits.append(stack.published("shop"))
        assert stack.models() == {stack.name("shop", 1), stack.name("shop", 2)}

    assert remove(SHOP, wait=wait).empty
    assert waits == [True]
    assert not stack.published("shop")
    assert not stack.open() & {endpoint, second}
    assert stack.models() == set()


def test_an_interruption_at_any_call_is_mended_by_the_next_attempt(stack: Stack) -> None:
    for number, fault in enumerate(
        ("deny-delete-deployment", "deny-delete-model", "lose-response-delete-deployment", "lose-response-delete-model")
    ):
        slug = f"shop{number}"
        in_service(stack, slug, number)
        stack.model(slug, 20 + number)
        stack.account.emulator.admin.inject(fault)
        try:
            remove(Target(project=slug))
        except AccessRefused:
            assert fault.startswith("deny")
        assert remove(Target(project=slug)).empty
        assert (stack.models(), stack.open(), stack.published(slug)) == (set(), set(), False)


def test_what_another_project_serves_or_trained_from_stays_and_is_named(stack: Stack) -> None:
    served, parent = stack.model("shop", 1), stack.model("shop", 2)
    child = stack.model("zoo", 3)
    stack.endpoint("zoo", 3, served)
    state = stack.account.emulator.world.state
    state.jobs[state.models[child].job_arn].parent_model_arn = parent
    left = removal.plan(by(), SHOP)
    assert dict(left.staying) == {
        stack.name("shop", 1): "an endpoint serves it",
        stack.name("shop", 2): "another model was trained from it",
    }
    assert remove(SHOP).empty
    assert stack.models() == {stack.name("shop", 1), stack.name("shop", 2), stack.name("zoo", 3)}


def test_models_of_which_one_was_trained_from_the_other_go_together(stack: Stack) -> None:
    parent, child = stack.model("shop", 1), stack.model("shop", 2)
    state = stack.account.emulator.world.state
    state.jobs[state.models[child].job_arn].parent_model_arn = parent
    assert remove(SHOP).empty
    assert stack.models() == set()


def test_a_running_execution_is_stopped_and_its_last_functions_are_waited_for(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = stack.account.start(f"shop-{stack.run(1)}", {})
    other = stack.account.start(f"zoo-{stack.run(2)}", {})
    stack.model("shop", 1, **{"finetune-execution": own})
    running: set[str] = {own, other}
    looks: list[str] = []

    def all_of(*_: object) -> dict[str, Any]:
        return {
            arn: execution(arn, "RUNNING" if arn in running else "ABORTED", quiet=len(looks) > 1)
            for arn in (own, other)
        }

    def stop(_client: object, arn: str, _why: str) -> None:
        running.discard(arn)

    monkeypatch.setattr(executions, "all_of", all_of)
    monkeypatch.setattr(executions, "stop", stop)
    assert remove(SHOP, wait=lambda: looks.append("")).empty
    assert len(looks) == 2
    assert running == {other}
    assert stack.models() == set()


def execution(arn: str, status: str, *, quiet: bool) -> Any:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    stopped = now - (IN_FLIGHT if quiet else timedelta()) if status != "RUNNING" else None
    return Execution(arn=arn, status=status, redrives=0, stopped=stopped, as_of=now)


def test_a_model_of_a_run_that_goes_on_stays(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    own = f"arn:aws:states:us-east-1:1:execution:{STACK}:shop-{stack.run(1)}"
    stack.model("shop", 1, **{"finetune-execution": own})
    monkeypatch.setattr(executions, "all_of", lambda *_: {own: execution(own, "RUNNING", quiet=False)})
    left = removal.plan(by(), Target(model=stack.name("shop", 1)))
    assert (left.empty, dict(left.staying)) == (True, {stack.name("shop", 1): "its run is going on"})


def test_the_whole_stack_loses_what_is_billed_by_time_and_keeps_its_models(stack: Stack) -> None:
    in_service(stack, "shop", 1)
    in_service(stack, "zoo", 2)
    stack.endpoint("shop", 3, stack.model("shop", 3), provisioned=True)
    foreign = clients.bedrock().create_custom_model_deployment(
        modelDeploymentName="foreign", modelArn=stack.account.emulator.model_arn(stack.name("shop", 3))
    )["customModelDeploymentArn"]
    assert remove(WHOLE).empty
    assert stack.open() == {foreign}
    assert len(stack.models()) == 3
    assert not stack.published("shop")
    assert not stack.published("zoo")
    listed = clients.s3().list_objects_v2(Bucket=ARTIFACTS, Prefix=f"runs/shop/{stack.run(3)}/throughput-")
    assert len(listed["Contents"]) == 1


def test_what_does_not_end_in_so_many_looks_is_returned(stack: Stack) -> None:
    stack.account.emulator.admin.inject("conflict-delete-deployment:always")
    in_service(stack, "shop", 1)
    left = remove(SHOP, looks=3)
    assert (len(left.endpoints), left.parameters, len(left.models)) == (1, ("shop",), 1)

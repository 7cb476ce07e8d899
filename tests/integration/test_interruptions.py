"""Promotion and rollback cut off at every single call, before it is made and after its response was lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from finetune.aws import release, serving
from finetune.aws.clean_up import CleanUp
from finetune.aws.sweep import Sweep
from finetune.contracts import PromoteModelInput
from finetune.errors import ChampionChanged, EndpointBusy, EndpointFailed, ServiceBusy, ServiceRefused
from finetune.run import Run
from tests.integration.deployed import ENVIRONMENT
from tests.integration.fakes import SLUG, STACK, MemoryBucket, MemoryExecutions, Stack, until_done

# A promotion makes about fifteen calls before it looks through old models, each of which is one call more.
CALLS = 24
Cut = Literal["before", "after"]


@dataclass
class Line:
    """A connection that is cut once, at the call of a number, before it leaves or after it was answered."""

    number: int
    cut: Cut
    calls: int = 0
    cuts: list[str] = field(default_factory=list)

    def to(self, client: Any) -> Any:
        return Cable(self, client)

    def call(self, name: str, ask: Callable[..., Any], **request: Any) -> Any:
        self.calls += 1
        if self.calls != self.number:
            return ask(**request)
        self.cuts.append(name)
        if self.cut == "before":
            raise EndpointConnectionError(endpoint_url="bedrock")
        ask(**request)
        raise ReadTimeoutError(endpoint_url="bedrock")


@dataclass
class Cable:
    """A client whose calls go through a line."""

    line: Line
    client: Any

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if name in {"get_paginator", "meta"}:
            return found
        return lambda **request: self.line.call(name, found, **request)


def through(line: Line, stack: Stack) -> tuple[Any, Any, Any]:
    """Bedrock, its runtime and Parameter Store over a line."""
    emulator = stack.emulator
    return line.to(emulator.control), line.to(emulator.runtime), line.to(stack.ssm)


def again[T](act: Callable[[], T], stack: Stack) -> T:
    """What the state machine does: wait and call again."""

    def try_once() -> T:
        try:
            return act()
        except ServiceBusy as error:
            raise EndpointBusy(str(error)) from error

    return until_done(try_once, stack.clock)


def promote(line: Line, stack: Stack, request: PromoteModelInput) -> None:
    bedrock, runtime, ssm = through(line, stack)
    again(lambda: stack.promote(request, bedrock=bedrock, runtime=runtime, ssm=ssm), stack)
    again(lambda: release.release_run(bedrock, ssm, stack.s3, request.run, stack=STACK), stack)


def roll_back(line: Line, stack: Stack) -> None:
    bedrock, runtime, ssm = through(line, stack)
    again(lambda: serving.roll_back(bedrock, runtime, ssm, STACK, SLUG, wait=lambda: stack.clock.advance(1)), stack)


def assert_whole(stack: Stack, model: str | None) -> None:
    """One endpoint is open, it is the published one, and it serves the published model."""
    published = stack.published
    assert published.model_arn == model == stack.serving(published.endpoint_arn)
    assert published.swap is None
    assert stack.open_arns() == {published.endpoint_arn}


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize(
    "kinds", [("on_demand", "on_demand"), ("on_demand", "provisioned"), ("provisioned", "provisioned")]
)
def test_a_promotion_cut_off_at_any_call_ends_whole(stack: Stack, cut: Cut, kinds: tuple[str, str]) -> None:
    cuts = set[str]()
    for number in range(CALLS):
        before = stack.published.model_arn if number else None
        request = stack.request(stack.run(), kind=kinds[number % 2])
        line = Line(number, cut)
        promote(line, stack, request)
        cuts |= {*line.cuts}
        assert_whole(stack, request.model.model_arn)
        assert stack.published.previous_model_arn == before
    assert cuts >= {"get_parameter", "put_parameter", "converse"}
    assert any(name.startswith(("update_", "delete_")) for name in cuts)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_rollback_cut_off_at_any_call_ends_whole_when_it_is_called_again(stack: Stack, cut: Cut) -> None:
    for _ in range(2):
        promote(Line(0, cut), stack, stack.request(stack.run()))
    cuts = list[str]()
    while len(cuts) < CALLS:
        before, line = stack.published, Line(len(cuts) + 1, cut)
        roll_back(line, stack)
        if not line.cuts:
            break
        cuts += line.cuts
        # Whoever did not hear that the rollback was published and calls again goes back once more.
        unheard = cut == "after" and cuts.count("put_parameter") == 2 and line.cuts == ["put_parameter"]
        assert_whole(stack, before.model_arn if unheard else before.previous_model_arn)
    assert {"get_parameter", "put_parameter", "converse", "update_custom_model_deployment"} == {
        name for name in cuts if not name.startswith("get_custom")
    }


def interrupted(stack: Stack) -> None:
    """A rollback that its person gave up while the endpoint was changing its model."""

    def give_up() -> None:
        raise KeyboardInterrupt

    emulator = stack.emulator
    with pytest.raises(KeyboardInterrupt):
        serving.roll_back(emulator.control, emulator.runtime, stack.ssm, STACK, SLUG, wait=give_up)


def test_a_promotion_waits_for_a_rollback_and_a_rollback_that_was_given_up_goes_on_where_it_stopped(
    stack: Stack,
) -> None:
    first, _ = (promoted(stack) for _ in range(2))
    request = stack.request(stack.run())
    interrupted(stack)
    with pytest.raises(EndpointBusy, match=f"A rollback to run {first.run.run_id} is changing the model"):
        stack.promote(request)
    roll_back(Line(0, "before"), stack)
    released(stack, request.run, {request.throughput.arn})
    assert_whole(stack, first.model.model_arn)
    with pytest.raises(ChampionChanged):
        stack.promote(request)


def promoted(stack: Stack) -> PromoteModelInput:
    request = stack.request(stack.run())
    promote(Line(0, "before"), stack, request)
    return request


def released(stack: Stack, run: Run, opened: set[str]) -> None:
    ended = release.release_run(stack.emulator.control, stack.ssm, stack.s3, run, stack=STACK)
    assert set(ended.released) == opened


def test_a_run_that_asked_an_endpoint_while_it_had_another_model_is_not_promoted(stack: Stack) -> None:
    """A rollback that was taken back leaves the champion as it was, but not the answers that the run got from it."""
    promoted(stack)
    second = promoted(stack)
    request = stack.request(stack.run())
    interrupted(stack)
    emulator = stack.emulator
    again(lambda: serving.undo_swap(emulator.control, stack.ssm, STACK, SLUG, stack.published), stack)
    with pytest.raises(ChampionChanged, match="changed its model while run"):
        stack.promote(request)
    released(stack, request.run, {request.throughput.arn})
    assert_whole(stack, second.model.model_arn)
    third = promoted(stack)
    assert_whole(stack, third.model.model_arn)


@pytest.mark.parametrize(("hours", "taken_back"), [(2, False), (4, True)])
def test_the_sweeper_takes_a_rollback_back_that_was_given_up_hours_ago(
    stack: Stack, hours: int, taken_back: bool
) -> None:
    _, second = (promoted(stack) for _ in range(2))
    interrupted(stack)
    stack.clock.advance(60 * hours)
    for _ in range(2):
        through: dict[str, Any] = {
            "bedrock": stack.emulator.control,
            "ssm": stack.ssm,
            "s3": MemoryBucket(),
            "sns": None,
            "stepfunctions": MemoryExecutions(),
        }
        attempts = release.Attempts()
        Sweep(CleanUp(**through, environment=ENVIRONMENT), known={}).endpoints(attempts)
        attempts.conclude()
        stack.clock.advance(30)
    assert (stack.published.swap is None) is taken_back
    assert (stack.serving(stack.published.endpoint_arn) == second.model.model_arn) is taken_back


def test_a_rollback_to_a_model_that_was_deleted_leaves_everything_as_it_was(stack: Stack) -> None:
    first, second = (promoted(stack) for _ in range(2))
    stack.emulator.control.delete_custom_model(modelIdentifier=str(first.model.model_arn))
    with pytest.raises(ServiceRefused, match="ResourceNotFoundException"):
        roll_back(Line(0, "before"), stack)
    assert_whole(stack, second.model.model_arn)


def test_a_project_whose_endpoint_was_deleted_has_no_champion_and_gets_a_new_endpoint(stack: Stack) -> None:
    first = promoted(stack)
    stack.emulator.control.delete_custom_model_deployment(customModelDeploymentIdentifier=first.throughput.arn)
    assert serving.champion(stack.emulator.control, stack.ssm, STACK, SLUG) is None
    second = promoted(stack)
    assert second.run.champion is None
    assert_whole(stack, second.model.model_arn)
    stack.emulator.control.delete_custom_model_deployment(customModelDeploymentIdentifier=second.throughput.arn)
    with pytest.raises(EndpointFailed, match="no longer exists"):
        roll_back(Line(0, "before"), stack)

"""Promotion, its interruptions and its way back, against the Bedrock emulator on a clock that stands still."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from finetune.aws import endpoints, publication, release, runs, serving, storage
from finetune.aws.executions import IN_FLIGHT
from finetune.aws.serving import NothingToRollBack
from finetune.contracts import PromoteModelInput, PromoteModelOutput, ReleaseEndpointOutput
from finetune.domain.customization.jobs import RUN_BOUND
from finetune.errors import (
    AccessRefused,
    ChampionChanged,
    EndpointBusy,
    EndpointFailed,
    QuotaExceeded,
    ServiceBusy,
    ServiceRefused,
)
from finetune.run import Run
from local.bedrock import throughput
from local.bedrock.unknowns import Unknowns
from tests.integration.deployed import refused
from tests.integration.fakes import NOVA, SLUG, STACK, Stack, until_done

LITE = "amazon.nova-lite-v1:0:300k"


def promote(stack: Stack, request: PromoteModelInput) -> PromoteModelOutput:
    return stack.promote(request)


def promoted(stack: Stack, *, kind: str = "on_demand", **run: object) -> PromoteModelInput:
    """One whole promotion, with what Release Endpoint does after it."""
    request = stack.request(stack.run(**run), kind=kind)  # type: ignore[arg-type]  # a run's own keywords
    until_done(lambda: promote(stack, request), stack.clock)
    released(stack, request.run)
    ended(stack, request)
    return request


def ended(stack: Stack, request: PromoteModelInput) -> None:
    """The run's execution ended some minutes ago."""
    stack.executions.statuses[request.run.execution_arn] = "ABORTED"
    stack.executions.more[request.run.execution_arn] = {"stopDate": stack.executions.now - IN_FLIGHT}


def released(stack: Stack, run: Run) -> ReleaseEndpointOutput:
    def release_run() -> ReleaseEndpointOutput:
        return release.release_run(stack.emulator.control, stack.ssm, stack.s3, run, stack=STACK)

    return until_done(release_run, stack.clock)


def asked(stack: Stack) -> int:
    return sum(line.operation == "Converse" and line.status == 200 for line in stack.emulator.admin.requests())


@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_the_first_promotion_publishes_the_evaluated_endpoint_and_later_ones_keep_its_arn(
    stack: Stack, kind: str
) -> None:
    first = promoted(stack, kind=kind)
    assert stack.published.endpoint_arn == first.throughput.arn
    assert (stack.published.previous_model_arn, stack.published.dataset) == (None, first.run.dataset)
    second = promoted(stack, kind=kind)
    assert stack.published.endpoint_arn == first.throughput.arn
    assert stack.published.model_arn == second.model.model_arn == stack.serving(first.throughput.arn)
    assert stack.published.previous_model_arn == first.model.model_arn
    assert stack.published.swap is None
    assert stack.open_arns() == {first.throughput.arn}
    assert asked(stack) == 2


def test_a_champion_whose_parameter_has_gone_is_not_published_over(stack: Stack) -> None:
    promoted(stack)
    second = stack.request(stack.run())
    stack.parameters.values.clear()
    with pytest.raises(ChampionChanged, match="its parameter has gone since"):
        promote(stack, second)
    assert stack.parameters.values == {}


def test_a_first_publication_does_not_replace_one_that_could_not_be_seen(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = promoted(stack)
    ended(stack, first)
    monkeypatch.setattr(publication, "read", lambda *_: None)
    unaware = stack.request(stack.run())
    with pytest.raises(ChampionChanged, match="was published since run"):
        promote(stack, unaware)
    monkeypatch.undo()
    assert stack.published.run_id == first.run.run_id


def test_of_two_runs_that_reach_the_same_champion_at_once_one_replaces_it(stack: Stack) -> None:
    promoted(stack)
    one, other = (stack.request(stack.run()) for _ in range(2))
    look = stack.executions.describe_execution

    def meanwhile(**asked: str) -> dict[str, Any]:
        stack.executions.describe_execution = look  # type: ignore[method-assign]  # once
        with pytest.raises(EndpointBusy):
            promote(stack, other)
        return look(**asked)

    stack.executions.describe_execution = meanwhile  # type: ignore[method-assign]  # a pause in the call
    with pytest.raises(EndpointBusy, match=other.run.run_id):
        promote(stack, one)
    until_done(lambda: promote(stack, other), stack.clock)
    with pytest.raises(ChampionChanged):
        promote(stack, one)
    assert stack.published.run_id == other.run.run_id


def test_a_run_that_was_compared_anew_may_replace_the_model_that_came_meanwhile(stack: Stack) -> None:
    promoted(stack)
    one, other = (stack.request(stack.run()) for _ in range(2))
    until_done(lambda: promote(stack, other), stack.clock)
    ended(stack, other)
    with pytest.raises(ChampionChanged):
        promote(stack, one)
    again = rematched(stack, one)
    until_done(lambda: promote(stack, again), stack.clock)
    assert stack.published.run_id == one.run.run_id
    assert stack.published.previous_run_id == other.run.run_id


def rematched(stack: Stack, request: PromoteModelInput) -> PromoteModelInput:
    """A promotion after Plan Rematch."""
    champion = serving.champion(stack.emulator.control, stack.ssm, STACK, SLUG)
    return request.model_copy(update={"run": runs.plan_rematch(stack.s3, request.run, champion)})


def test_a_rematch_is_with_the_model_that_is_there_then_and_not_with_one_that_comes_after(stack: Stack) -> None:
    first = promoted(stack)
    one = stack.request(stack.run())
    endpoint = stack.published.endpoint
    # Another model is behind the endpoint for a while, without being published.
    for model in (one.model.model_arn, first.model.model_arn):
        endpoints.start_swap(stack.emulator.control, endpoint, model or "")
        stack.clock.advance(30)
    with pytest.raises(ChampionChanged, match="changed its model while"):
        promote(stack, one)
    again = rematched(stack, one)
    endpoints.start_swap(stack.emulator.control, endpoint, one.model.model_arn or "")
    stack.clock.advance(30)
    endpoints.start_swap(stack.emulator.control, endpoint, first.model.model_arn or "")
    stack.clock.advance(30)
    with pytest.raises(ChampionChanged, match="changed its model while"):
        promote(stack, again)
    last = rematched(stack, again)
    until_done(lambda: promote(stack, last), stack.clock)
    assert stack.published.run_id == one.run.run_id


def test_a_third_rematch_is_refused(stack: Stack) -> None:
    promoted(stack)
    request = stack.request(stack.run())
    twice = rematched(stack, rematched(stack, request))
    with pytest.raises(ChampionChanged, match="changed more than 2 times"):
        rematched(stack, twice)


def test_a_turn_is_kept_also_where_the_endpoint_is_replaced_and_not_changed(stack: Stack) -> None:
    promoted(stack)
    one, other = (stack.request(stack.run(), kind="provisioned") for _ in range(2))
    look = stack.executions.describe_execution

    def meanwhile(**asked: str) -> dict[str, Any]:
        stack.executions.describe_execution = look  # type: ignore[method-assign]  # once
        promote(stack, other)
        return look(**asked)

    stack.executions.describe_execution = meanwhile  # type: ignore[method-assign]  # a pause in the call
    with pytest.raises(EndpointBusy, match=other.run.run_id):
        promote(stack, one)
    ended(stack, other)
    with pytest.raises(ChampionChanged):
        promote(stack, one)
    assert stack.published.run_id == other.run.run_id


def test_a_turn_is_kept_while_a_function_of_its_execution_may_still_go_on(stack: Stack) -> None:
    promoted(stack)
    one = stack.request(stack.run())
    with pytest.raises(EndpointBusy):
        promote(stack, one)
    released(stack, one.run)
    stack.executions.statuses[one.run.execution_arn] = "ABORTED"
    with pytest.raises(EndpointBusy, match=one.run.run_id):
        promote(stack, stack.request(stack.run()))


def test_a_run_that_is_released_leaves_the_swap_of_another_alone(stack: Stack) -> None:
    promoted(stack)
    one, other = (stack.request(stack.run()) for _ in range(2))
    with pytest.raises(EndpointBusy):
        promote(stack, one)
    assert released(stack, other.run).promotion is None
    assert stack.published.swap
    told = until_done(lambda: promote(stack, one), stack.clock)
    assert (released(stack, other.run).promotion, stack.published.run_id) == (None, one.run.run_id)
    assert released(stack, one.run).promotion == told


def test_a_promotion_stands_although_it_cannot_be_written_down_a_second_time(stack: Stack) -> None:
    request, put = stack.request(stack.run()), stack.bucket.put_object

    def refuse(**asked: Any) -> None:
        if asked["Key"].endswith("published.json"):
            raise refused("AccessDenied")
        put(**asked)

    stack.bucket.put_object = refuse  # type: ignore[method-assign]  # a fault
    assert promote(stack, request).endpoint_arn == request.throughput.arn


def test_a_turn_ends_with_the_execution_that_had_it(stack: Stack) -> None:
    promoted(stack)
    one = stack.request(stack.run())
    with pytest.raises(EndpointBusy):
        promote(stack, one)
    ended(stack, one)
    released(stack, one.run)
    other = stack.request(stack.run())
    until_done(lambda: promote(stack, other), stack.clock)
    assert stack.published.run_id == other.run.run_id


def test_a_turn_of_an_execution_that_is_long_forgotten_ends_too(stack: Stack) -> None:
    promoted(stack)
    one = stack.request(stack.run())
    with pytest.raises(EndpointBusy):
        promote(stack, one)
    released(stack, one.run)
    del stack.executions.statuses[one.run.execution_arn]
    other = stack.request(stack.run())
    with pytest.raises(EndpointBusy, match=one.run.run_id):
        promote(stack, other)
    stack.bucket.now += RUN_BOUND + timedelta(seconds=1)
    until_done(lambda: promote(stack, other), stack.clock)
    assert stack.published.run_id == other.run.run_id


def test_nothing_is_published_before_the_swap_is_over_and_the_model_has_answered(stack: Stack) -> None:
    first = promoted(stack)
    second = stack.request(stack.run())
    with pytest.raises(EndpointBusy):
        promote(stack, second)
    assert stack.published.model_arn == first.model.model_arn
    stack.clock.advance(6)
    stack.emulator.admin.inject("not-ready")
    with pytest.raises(EndpointBusy):
        promote(stack, second)
    assert stack.published.model_arn == first.model.model_arn
    promote(stack, second)
    assert stack.published.model_arn == second.model.model_arn


def test_a_promotion_done_twice_is_done_once(stack: Stack) -> None:
    promoted(stack)
    request = promoted(stack)
    before = stack.published
    assert promote(stack, request).previous_model_arn == before.previous_model_arn
    assert stack.published == before


def test_an_update_whose_response_was_lost_is_not_asked_for_again(stack: Stack) -> None:
    promoted(stack)
    request = stack.request(stack.run())
    stack.emulator.admin.inject("lose-response-update-deployment")
    until_done(lambda: retried(stack, request), stack.clock)
    assert stack.published.model_arn == request.model.model_arn
    accepted = [line for line in stack.emulator.admin.requests() if line.operation == "UpdateCustomModelDeployment"]
    assert len(accepted) == 1


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_an_update_that_is_not_seen_for_a_while_is_waited_for(stack: Stack, kind: str, moves: bool) -> None:
    stack.emulator.world.unknowns = Unknowns(update_unseen_minutes=4, update_moves_time=moves)
    promoted(stack, kind=kind)
    second = promoted(stack, kind=kind)
    assert stack.published.model_arn == second.model.model_arn == stack.serving(second.throughput.arn)


def test_an_update_that_is_refused_for_good_is_asked_for_again_for_some_minutes_only(stack: Stack) -> None:
    first = promoted(stack)
    second = stack.request(stack.run())
    asked_at = stack.clock.now()

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return getattr(stack.emulator.control, name)

        def update_custom_model_deployment(self, **_: str) -> None:
            raise refused("ValidationException")

    with pytest.raises(ServiceRefused):
        until_done(lambda: stack.promote(second, bedrock=Refusing()), stack.clock)
    assert timedelta(0) < stack.clock.now() - asked_at < timedelta(minutes=10)
    assert stack.published.model_arn == first.model.model_arn


def retried(stack: Stack, request: PromoteModelInput) -> PromoteModelOutput:
    """One attempt, with any error of the service answered as the state machine would."""
    try:
        return promote(stack, request)
    except ServiceBusy as error:
        raise EndpointBusy(str(error)) from error


@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_a_swap_that_fails_leaves_the_previous_model_in_service_and_published(stack: Stack, kind: str) -> None:
    first = promoted(stack, kind=kind)
    second = stack.request(stack.run(), kind=kind)
    stack.emulator.admin.inject("update-fails")
    with pytest.raises(EndpointFailed, match="did not take the new model"):
        until_done(lambda: promote(stack, second), stack.clock)
    released(stack, second.run)
    assert stack.open_arns() == {first.throughput.arn}
    assert stack.serving(first.throughput.arn) == first.model.model_arn == stack.published.model_arn
    assert stack.published.swap is None


@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_a_model_that_does_not_answer_is_not_published_and_the_previous_one_is_put_back(
    stack: Stack, kind: str
) -> None:
    first = promoted(stack, kind=kind)
    second = stack.request(stack.run(), kind=kind)
    stack.emulator.admin.inject("deny-converse")
    with pytest.raises(AccessRefused):
        until_done(lambda: promote(stack, second), stack.clock)
    assert stack.serving(first.throughput.arn) == second.model.model_arn
    released(stack, second.run)
    assert stack.open_arns() == {first.throughput.arn}
    assert stack.serving(first.throughput.arn) == first.model.model_arn == stack.published.model_arn


def test_a_model_that_refuses_the_question_is_not_published(stack: Stack) -> None:
    def refuse(**_: Any) -> None:
        raise refused("ValidationException")

    with pytest.raises(EndpointFailed, match="before it is published: ValidationException"):
        stack.promote(stack.request(stack.run()), runtime=SimpleNamespace(converse=refuse))
    assert stack.parameters.values == {}


@pytest.mark.parametrize("write", [1, 2])
def test_a_publication_that_is_refused_leaves_the_previous_model_in_service(stack: Stack, write: int) -> None:
    first = promoted(stack)
    second = stack.request(stack.run())
    stack.parameters.refused = {stack.parameters.writes + write}
    with pytest.raises(AccessRefused):
        until_done(lambda: promote(stack, second), stack.clock)
    released(stack, second.run)
    assert stack.serving(first.throughput.arn) == first.model.model_arn == stack.published.model_arn
    assert stack.open_arns() == {first.throughput.arn}


def test_a_run_that_is_aborted_in_the_middle_of_the_swap_is_taken_back(stack: Stack) -> None:
    first = promoted(stack)
    second = stack.request(stack.run())
    with pytest.raises(EndpointBusy):
        promote(stack, second)
    released(stack, second.run)
    assert stack.serving(first.throughput.arn) == first.model.model_arn == stack.published.model_arn
    assert stack.published.swap is None
    assert stack.open_arns() == {first.throughput.arn}


def test_a_model_that_was_not_compared_with_what_is_in_service_is_not_promoted(stack: Stack) -> None:
    promoted(stack)
    overtaken = stack.request(stack.run())
    winner = promoted(stack)
    with pytest.raises(ChampionChanged, match=winner.run.run_id):
        promote(stack, overtaken)
    blind = stack.request(stack.run(champion=False))
    with pytest.raises(ChampionChanged):
        promote(stack, blind)
    assert stack.published.model_arn == winner.model.model_arn


def test_two_runs_do_not_change_one_endpoint_at_the_same_time(stack: Stack) -> None:
    promoted(stack)
    one, other = stack.request(stack.run()), stack.request(stack.run())
    with pytest.raises(EndpointBusy, match="is changing its model"):
        promote(stack, one)
    with pytest.raises(EndpointBusy, match=one.run.run_id):
        promote(stack, other)
    until_done(lambda: promote(stack, one), stack.clock)
    with pytest.raises(ChampionChanged):
        promote(stack, other)


@pytest.mark.parametrize(("before", "after"), [("on_demand", "provisioned"), ("provisioned", "on_demand")])
def test_an_endpoint_of_another_kind_is_published_first_and_the_replaced_one_released_then(
    stack: Stack, before: str, after: str
) -> None:
    first = promoted(stack, kind=before)
    second = stack.request(stack.run(), kind=after)
    delete = {"on_demand": "delete-deployment", "provisioned": "delete-throughput"}[before]
    stack.emulator.admin.inject(f"conflict-{delete}")
    with pytest.raises(EndpointBusy):
        promote(stack, second)
    assert stack.published.endpoint_arn == second.throughput.arn
    assert first.throughput.arn in stack.open_arns()
    promote(stack, second)
    released(stack, second.run)
    assert stack.open_arns() == {second.throughput.arn}
    assert stack.published.previous_model_arn == first.model.model_arn


def test_a_model_of_another_base_takes_an_endpoint_of_its_own(stack: Stack) -> None:
    promoted(stack)
    second = promoted(stack, base_model=LITE)
    assert stack.published.endpoint_arn == second.throughput.arn
    assert stack.open_arns() == {second.throughput.arn}


def test_an_endpoint_in_service_that_somebody_deleted_is_replaced(stack: Stack) -> None:
    first = promoted(stack)
    stack.emulator.control.delete_custom_model_deployment(customModelDeploymentIdentifier=first.throughput.arn)
    second = promoted(stack)
    assert stack.published.endpoint_arn == second.throughput.arn


def test_the_project_s_own_throughput_carries_the_next_model_so_that_no_second_one_is_bought(stack: Stack) -> None:
    first = promoted(stack, kind="provisioned", deployment="provisioned")
    request = stack.request(stack.run(deployment="provisioned"), kind="on_demand")
    found = serving.open_serving(stack.emulator.control, stack.ssm, stack.s3, request.run, request.model, stack=STACK)
    assert found == first.throughput


def test_throughput_of_another_size_does_not_carry_the_next_model_and_is_released_once_it_is_replaced(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "MOST_UNITS", 3)
    first = promoted(stack, kind="provisioned", deployment="provisioned")
    larger = stack.run(deployment="provisioned", model_units=2)
    assert larger.champion
    assert larger.champion.units == 1
    request = stack.request(larger, kind="provisioned")
    found = serving.open_serving(stack.emulator.control, stack.ssm, stack.s3, larger, request.model, stack=STACK)
    assert found.arn == request.throughput.arn != first.throughput.arn
    until_done(lambda: promote(stack, request), stack.clock)
    assert (stack.published.endpoint_arn, stack.published.model_units) == (request.throughput.arn, 2)
    assert stack.open_arns() == {request.throughput.arn}


def test_no_endpoint_is_paid_for_while_a_quota_is_waited_for(stack: Stack) -> None:
    request = stack.request(stack.run(), kind="provisioned")
    stack.emulator.admin.inject("quota-create-deployment")
    control = stack.emulator.control
    with pytest.raises(QuotaExceeded):
        serving.open_serving(control, stack.ssm, stack.s3, request.run, request.model, stack=STACK)
    assert stack.open_arns() == set()
    assert storage.keys_under(stack.s3, request.run.uri("throughput-"))
    assert (
        serving.open_serving(control, stack.ssm, stack.s3, request.run, request.model, stack=STACK).kind == "on_demand"
    )


def test_an_object_key_that_parameter_store_would_read_as_a_reference_is_published_as_it_is(stack: Stack) -> None:
    key = "incoming/shop/{{ssm:secret}} {{{.jsonl"
    promoted(stack, key=key)
    assert stack.published.dataset is not None
    assert stack.published.dataset.key == key


# Retention


def test_models_beyond_those_kept_are_deleted_but_none_that_serves_or_did_so_before(stack: Stack) -> None:
    requests = [promoted(stack, retention={"models": 2}) for _ in range(2)]
    stranger = stack.request(stack.run(), tagged=False)
    released(stack, stranger.run)
    served = stack.request(stack.run())
    third = promoted(stack, retention={"models": 2})
    stack.clock.advance(1)
    last = stack.request(stack.run(retention={"models": 2}))
    outcome = until_done(lambda: promote(stack, last), stack.clock)
    models = {each.name for each in stack.emulator.admin.ledger().models if each.deleted_at is None}
    kept = {each.model.model_name for each in (last, third, served, stranger)}
    assert models == kept
    assert set(outcome.deleted_models) <= {each.model.model_name for each in requests}
    assert outcome.retention_problem is None


def test_a_model_that_cannot_be_deleted_does_not_undo_the_promotion(stack: Stack) -> None:
    for _ in range(3):
        promoted(stack)
    last = stack.request(stack.run(retention={"models": 2}))
    stack.emulator.admin.inject("deny-delete-model")
    outcome = until_done(lambda: promote(stack, last), stack.clock)
    assert outcome.retention_problem is not None
    assert "AccessDenied" in outcome.retention_problem
    assert stack.published.model_arn == last.model.model_arn


# Rollback


def roll_back(stack: Stack) -> publication.Published:
    emulator = stack.emulator
    return serving.roll_back(
        emulator.control, emulator.runtime, stack.ssm, STACK, SLUG, wait=lambda: stack.clock.advance(1)
    )


@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_a_rollback_swaps_current_and_previous_behind_the_same_arn_and_twice_is_back_again(
    stack: Stack, kind: str
) -> None:
    first, second = promoted(stack, kind=kind), promoted(stack, kind=kind)
    back = roll_back(stack)
    assert back == stack.published
    assert back.model_arn == first.model.model_arn == stack.serving(first.throughput.arn)
    assert (back.run_id, back.previous_run_id) == (first.run.run_id, second.run.run_id)
    assert (back.dataset, back.previous_dataset) == (first.run.dataset, second.run.dataset)
    assert roll_back(stack).model_arn == second.model.model_arn
    assert stack.open_arns() == {first.throughput.arn}


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_a_rollback_waits_for_an_update_that_is_not_seen_for_a_while(stack: Stack, kind: str, moves: bool) -> None:
    stack.emulator.world.unknowns = Unknowns(update_unseen_minutes=4, update_moves_time=moves)
    first, _ = promoted(stack, kind=kind), promoted(stack, kind=kind)
    assert roll_back(stack).model_arn == first.model.model_arn == stack.serving(first.throughput.arn)


def test_an_interrupted_rollback_goes_on_where_it_stopped(stack: Stack) -> None:
    first = promoted(stack)
    promoted(stack)
    stack.emulator.control.update_custom_model_deployment(
        customModelDeploymentIdentifier=first.throughput.arn, modelArn=str(first.model.model_arn)
    )
    assert roll_back(stack).model_arn == first.model.model_arn


def test_a_rollback_that_the_service_fails_leaves_what_was_in_service(stack: Stack) -> None:
    promoted(stack)
    second = promoted(stack)
    stack.emulator.admin.inject("update-fails")
    with pytest.raises(EndpointFailed, match="still answers"):
        roll_back(stack)
    assert stack.published.model_arn == second.model.model_arn == stack.serving(stack.published.endpoint_arn)


def test_a_rollback_to_a_model_that_cannot_be_asked_puts_the_current_one_back(stack: Stack) -> None:
    promoted(stack)
    second = promoted(stack)
    stack.emulator.admin.inject("deny-converse")
    with pytest.raises(AccessRefused):
        roll_back(stack)
    stack.clock.advance(10)
    assert stack.published.model_arn == second.model.model_arn == stack.serving(stack.published.endpoint_arn)


def test_there_may_be_nothing_to_roll_back_to(stack: Stack) -> None:
    with pytest.raises(NothingToRollBack, match="nothing in service"):
        roll_back(stack)
    promoted(stack)
    with pytest.raises(NothingToRollBack, match="one model"):
        roll_back(stack)
    promoted(stack, base_model=LITE)
    with pytest.raises(NothingToRollBack, match=NOVA):
        roll_back(stack)


def test_nobody_rolls_back_while_a_run_is_putting_its_model_into_service(stack: Stack) -> None:
    promoted(stack)
    promoted(stack)
    request = stack.request(stack.run())
    with pytest.raises(EndpointBusy):
        promote(stack, request)
    with pytest.raises(EndpointBusy, match=request.run.run_id):
        roll_back(stack)


def test_a_rollback_publishes_nothing_over_what_a_run_wrote_meanwhile(stack: Stack) -> None:
    for _ in range(2):
        promoted(stack)

    def wait() -> None:
        stack.clock.advance(1)
        publication.write(stack.ssm, STACK, SLUG, stack.published.model_copy(update={"run_id": "meanwhile"}))

    emulator = stack.emulator
    with pytest.raises(EndpointBusy, match="A run began to put a model into service"):
        serving.roll_back(emulator.control, emulator.runtime, stack.ssm, STACK, SLUG, wait=wait)
    assert stack.published.run_id == "meanwhile"

"""Endpoints of both kinds behind one face: opened once, waited for within a bound, deleted once, found by tags."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, cast

import pytest

from finetune.aws import endpoints
from finetune.aws.tags import EXECUTION_TAG, LEASE_TAG, NAME_TAG, PROJECT_TAG, RUN_TAG, STACK_TAG
from finetune.contracts import SelectModelOutput
from finetune.domain.catalog import Deployment
from finetune.domain.customization.jobs import CREATING_BOUND
from finetune.errors import BudgetReached, EndpointBusy, QuotaExceeded, ServiceBusy, ServiceRefused
from finetune.parts import Endpoint
from finetune.run import Run
from local.bedrock.unknowns import Unknowns
from tests.integration.deployed import down, refused
from tests.integration.fakes import LEASES, NOVA, SLUG, STACK, Conflicting, Stack


@pytest.mark.parametrize("kind", ["on_demand", "provisioned"])
def test_an_endpoint_that_cannot_be_deleted_now_is_waited_for(kind: Any) -> None:
    with pytest.raises(EndpointBusy, match="It is in use"):
        endpoints.release(cast("Any", Conflicting()), Endpoint(kind=kind, name="shop", arn="arn:shop"))


KINDS: tuple[Deployment, ...] = ("on_demand", "provisioned")


def model_of(stack: Stack, run: Run) -> SelectModelOutput:
    """The run's custom model, trained."""
    arn = stack.emulator.add_model(f"{run.endpoint_name}-c1", run.settings.base_model)
    return SelectModelOutput(outcome="trained", reason="", model_arn=arn)


def opened(stack: Stack, kind: Deployment = "on_demand") -> tuple[Run, SelectModelOutput, Endpoint]:
    """A run with its model and the endpoint that was opened for it a moment ago."""
    run = stack.run()
    model = model_of(stack, run)
    return run, model, endpoints.open_endpoint(stack.emulator.control, run, model, {kind: LEASES[kind]}, stack=STACK)


@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_is_opened_once_under_the_run_s_name_with_tags_and_lease(stack: Stack, kind: Deployment) -> None:
    run, model, endpoint = opened(stack, kind)
    again = endpoints.open_endpoint(stack.emulator.control, run, model, LEASES, stack=STACK)
    assert (again, endpoint.kind, endpoint.name) == (endpoint, kind, run.endpoint_name)
    assert stack.open_arns() == {endpoint.arn}
    found = endpoints.tagged(stack.emulator.control, endpoint)
    assert found
    lease = (stack.clock.now() + LEASES[kind]).strftime("%Y-%m-%dT%H:%M:%SZ")
    own = {RUN_TAG: run.run_id, EXECUTION_TAG: run.execution_arn, LEASE_TAG: lease}
    assert found.tags == {STACK_TAG: STACK, PROJECT_TAG: SLUG, NAME_TAG: SLUG, **own}
    assert found.as_of == stack.clock.now()


def test_a_repeated_request_for_an_endpoint_has_the_token_of_the_first_and_buys_nothing_for_longer(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    control, asked = stack.emulator.control, list[dict[str, Any]]()

    def unanswered(**given: Any) -> None:
        asked.append(given)
        down()

    for name in ("create_custom_model_deployment", "create_provisioned_model_throughput"):
        monkeypatch.setattr(control, name, unanswered)
    run = stack.run()
    model = model_of(stack, run)
    for kind in KINDS:
        for _ in range(2):
            with pytest.raises(ServiceBusy):
                endpoints.open_endpoint(control, run, model, {kind: LEASES[kind]}, stack=STACK)
    first, again, bought, once_more = asked
    assert (first, bought) == (again, once_more)
    assert first["clientRequestToken"] != bought["clientRequestToken"]
    assert (bought["modelUnits"], "commitmentDuration" in bought) == (1, False)


def test_throughput_for_service_is_not_asked_for_with_the_token_of_the_one_that_was_evaluated(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    control, tokens = stack.emulator.control, list[str]()

    def unanswered(**given: Any) -> None:
        tokens.append(given["clientRequestToken"])
        down()

    monkeypatch.setattr(control, "create_provisioned_model_throughput", unanswered)
    run = stack.run()
    model = model_of(stack, run)
    purposes: tuple[Literal["evaluation", "service"], ...] = ("evaluation", "service", "service", "evaluation")
    for purpose in purposes:
        with pytest.raises(ServiceBusy):
            endpoints.open_endpoint(
                control, run, model, {"provisioned": LEASES["provisioned"]}, stack=STACK, purpose=purpose
            )
    assert tokens[0] == tokens[3] != tokens[1] == tokens[2]
    with pytest.raises(ServiceBusy):
        endpoints.open_endpoint(
            control,
            run.model_copy(update={"rematches": 1}),
            model,
            {"provisioned": LEASES["provisioned"]},
            stack=STACK,
            purpose="service",
        )
    assert tokens[4] not in tokens[:4]


@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_that_is_changing_its_model_is_deleted_later_and_a_refusal_is_one(
    stack: Stack, kind: Deployment
) -> None:
    _, _, endpoint = opened(stack, kind)
    stack.clock.advance(60)
    endpoints.start_swap(stack.emulator.control, endpoint, stack.emulator.add_model("other", NOVA))
    with pytest.raises(EndpointBusy):
        endpoints.release(stack.emulator.control, endpoint)
    stack.clock.advance(60)

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            if not name.startswith("delete_"):
                return getattr(stack.emulator.control, name)
            return lambda **_: refuse()

    def refuse() -> None:
        raise refused("ValidationException")

    with pytest.raises(ServiceRefused):
        endpoints.release(cast("Any", Refusing()), endpoint)


def test_an_update_that_is_not_seen_yet_is_known_by_bedrocks_words(stack: Stack) -> None:
    stack.emulator.world.unknowns = Unknowns(update_unseen_minutes=2)
    _, _, endpoint = opened(stack)
    stack.clock.advance(60)
    other = stack.emulator.add_model("other", NOVA)
    for _ in range(2):
        endpoints.start_swap(stack.emulator.control, endpoint, other)
    found = endpoints.find(stack.emulator.control, endpoint.kind, endpoint.arn)
    assert found
    assert not found.updating
    with pytest.raises(EndpointBusy, match="mutating state"):
        endpoints.release(stack.emulator.control, endpoint)


@pytest.mark.parametrize("answer", ["ConflictException", "ValidationException", "deleted"])
def test_throughput_in_creating_is_deleted_now_or_later(stack: Stack, answer: Any) -> None:
    stack.emulator.world.unknowns = Unknowns(delete_creating_throughput=answer)
    _, _, endpoint = opened(stack, "provisioned")
    if answer == "deleted":
        assert endpoints.release(stack.emulator.control, endpoint)
        return
    with pytest.raises(EndpointBusy):
        endpoints.release(stack.emulator.control, endpoint)
    stack.clock.advance(60)
    assert endpoints.release(stack.emulator.control, endpoint)


def test_a_response_that_was_lost_leaves_one_endpoint(stack: Stack) -> None:
    run = stack.run()
    model = model_of(stack, run)
    stack.emulator.admin.inject("lose-response-create-deployment")
    with pytest.raises(ServiceBusy):
        endpoints.open_endpoint(stack.emulator.control, run, model, LEASES, stack=STACK)
    endpoint = endpoints.open_endpoint(stack.emulator.control, run, model, LEASES, stack=STACK)
    assert stack.open_arns() == {endpoint.arn}


def test_the_next_kind_is_opened_when_a_quota_refuses_the_first_and_all_refusals_are_told(stack: Stack) -> None:
    run = stack.run()
    model = model_of(stack, run)
    stack.emulator.admin.inject("quota-create-deployment:2", "quota-create-throughput")
    with pytest.raises(QuotaExceeded, match=r"opening on_demand endpoint .* opening provisioned endpoint"):
        endpoints.open_endpoint(stack.emulator.control, run, model, LEASES, stack=STACK)
    assert endpoints.open_endpoint(stack.emulator.control, run, model, LEASES, stack=STACK).kind == "provisioned"


def test_no_endpoint_is_opened_without_a_model(stack: Stack) -> None:
    failed = SelectModelOutput(outcome="failed", reason="")
    with pytest.raises(ServiceRefused, match="has no custom model to open an endpoint for"):
        endpoints.open_endpoint(stack.emulator.control, stack.run(), failed, LEASES, stack=STACK)


@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_that_is_being_created_is_looked_at_again_until_it_answers(stack: Stack, kind: Deployment) -> None:
    _, _, endpoint = opened(stack, kind)
    stack.clock.advance(1)
    first = endpoints.check(stack.emulator.control, endpoint)
    assert (first.status, first.elapsed_seconds, first.wait_seconds, first.failure) == ("Creating", 60, 30, None)
    stack.clock.advance(59)
    ready = endpoints.check(stack.emulator.control, endpoint)
    assert (ready.status, ready.elapsed_seconds, ready.failure) == ("Ready", 3_600, None)


@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_that_the_service_gives_up_says_why_or_that_nobody_knows(stack: Stack, kind: Deployment) -> None:
    stack.emulator.admin.inject("endpoint-fails")
    _, _, endpoint = opened(stack, kind)
    stack.clock.advance(60)
    found = endpoints.check(stack.emulator.control, endpoint)
    assert found.status == "Failed"
    assert found.failure


def test_an_endpoint_that_is_created_for_too_long_has_failed(stack: Stack) -> None:
    stack.emulator.admin.inject("endpoint-never-ready")
    _, _, endpoint = opened(stack)
    stack.clock.advance(CREATING_BOUND.total_seconds() / 60)
    assert endpoints.check(stack.emulator.control, endpoint).status == "Creating"
    stack.clock.advance(1)
    found = endpoints.check(stack.emulator.control, endpoint)
    assert (found.status, found.failure) == ("Failed", "It was still Creating after 3:01:00.")


@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_is_deleted_once_and_one_that_has_gone_is_no_error(stack: Stack, kind: Deployment) -> None:
    run, _, endpoint = opened(stack, kind)
    with pytest.raises(EndpointBusy):
        endpoints.release(stack.emulator.control, endpoint)
    stack.clock.advance(60)
    assert [found.endpoint.arn for found in endpoints.opened_by(stack.emulator.control, run)] == [endpoint.arn]
    assert [endpoints.release(stack.emulator.control, endpoint) for _ in range(2)] == [True, False]
    assert endpoints.find(stack.emulator.control, kind, endpoint.name) is None
    assert endpoints.tagged(stack.emulator.control, endpoint) is None
    assert endpoints.opened_by(stack.emulator.control, run) == []


def test_a_swap_whose_response_was_lost_has_begun_and_one_that_cannot_is_refused(stack: Stack) -> None:
    _, _, endpoint = opened(stack)
    other = stack.emulator.add_model("other", NOVA)
    with pytest.raises(ServiceRefused, match=f"putting {other} behind"):
        endpoints.start_swap(stack.emulator.control, endpoint, other)
    stack.clock.advance(60)
    for _ in range(2):
        endpoints.start_swap(stack.emulator.control, endpoint, other)
    found = endpoints.find(stack.emulator.control, endpoint.kind, endpoint.arn)
    assert found
    assert (found.updating, found.model_arn == other) == (True, False)


def test_every_endpoint_of_the_account_is_listed_with_the_models_that_it_serves_or_will(stack: Stack) -> None:
    given = [opened(stack, kind) for kind in KINDS for _ in range(2)]
    stack.clock.advance(60)
    other = stack.emulator.add_model("other", NOVA)
    _, _, throughput = given[-1]
    endpoints.start_swap(stack.emulator.control, throughput, other)
    assert {each.arn for each in endpoints.all_endpoints(stack.emulator.control)} == {each.arn for _, _, each in given}
    served = {str(model.model_arn) for _, model, _ in given}
    assert endpoints.models_served(stack.emulator.control) == served | {other}


def test_throughput_that_is_being_created_is_waited_for_only_as_long_as_it_is_paid_for(stack: Stack) -> None:
    stack.emulator.admin.inject("endpoint-never-ready")
    run = stack.run()
    paid: dict[Deployment, timedelta] = {"provisioned": timedelta(hours=1.5)}
    endpoint = endpoints.open_endpoint(stack.emulator.control, run, model_of(stack, run), paid, stack=STACK)
    assert endpoint.until == stack.clock.now() + timedelta(hours=1.25)
    stack.clock.advance(74)
    assert endpoints.check(stack.emulator.control, endpoint).status == "Creating"
    stack.clock.advance(1)
    late = endpoints.check(stack.emulator.control, endpoint)
    assert late.status == "Failed"
    assert "the budget does not cover more time" in (late.failure or "")


def test_nothing_is_opened_that_the_budget_does_not_pay_for(stack: Stack) -> None:
    run = stack.run()
    with pytest.raises(BudgetReached, match=r"What is left of the month does not pay for throughput"):
        endpoints.open_endpoint(stack.emulator.control, run, model_of(stack, run), {}, stack=STACK, limit="the month")


def test_throughput_has_the_model_units_of_the_settings_and_anything_else_one(stack: Stack) -> None:
    lease: dict[Deployment, timedelta] = {"provisioned": LEASES["provisioned"]}
    settings: dict[str, Any]
    for settings, units in (({"deployment": "provisioned", "model_units": 2}, 2), ({"model_units": 2}, 1)):
        run = stack.run(**settings)
        opened = endpoints.open_endpoint(stack.emulator.control, run, model_of(stack, run), lease, stack=STACK)
        found = endpoints.find(stack.emulator.control, "provisioned", opened.arn)
        assert found
        assert found.units == units
        stack.clock.advance(30)
        endpoints.release(stack.emulator.control, opened)

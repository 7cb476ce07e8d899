"""The checker sees each promise that is not kept, in a world that is broken by hand after a run that kept them all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from finetune.aws.publication import Published, Swap
from local.bedrock.records import Deployment
from tests.simulation import checker
from tests.simulation.functions import DeadLetter
from tests.simulation.machines import Execution
from tests.simulation.parameters import Revision
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import MARKER, World, simulated
from tests.template import ARTIFACTS


@pytest.fixture
def world() -> Iterator[World]:
    """A world in which a first model was promoted, and nothing is wrong."""
    with simulated() as found:
        found.mark()
        SCENARIOS["first"].begin(found)
        assert checker.settled(found) == []
        yield found


def execution(world: World) -> Execution:
    return world.executions[0]


def deployment(world: World) -> Deployment:
    return next(each for each in world.bedrock.state.deployments.values() if each.deleted_at is None)


def parameter(world: World) -> str:
    return next(iter(world.parameters.history))


def published(world: World) -> Published:
    return Published.model_validate_json(world.parameters.value(parameter(world)) or "")


def publish(world: World, after: Published) -> None:
    world.parameters.history[parameter(world)].append(Revision(after.model_dump_json(), world.clock.now()))


def leave_an_endpoint(world: World) -> None:
    other = deployment(world).model_copy(update={"arn": "arn:aws:bedrock:other", "name": "other"})
    world.bedrock.state.deployments[other.arn] = other


def let_a_job_run_on(world: World) -> None:
    next(iter(world.bedrock.state.jobs.values())).status = "InProgress"


def let_an_unknown_job_run(world: World) -> None:
    job = next(iter(world.bedrock.state.jobs.values()))
    other = job.model_copy(update={"name": "nobody", "status": "InProgress"}, deep=True)
    other.request["customModelName"] = "nobody"
    world.bedrock.state.jobs["nobody"] = other


def start_a_second_job(world: World) -> None:
    world.bedrock.state.jobs["second"] = next(iter(world.bedrock.state.jobs.values())).model_copy()


def send_twice(world: World) -> None:
    world.topic.mails *= 2


def send_for_a_duplicate(world: World) -> None:
    execution(world).states.append("Duplicate Ignored")


def say_twice_that_it_waits(world: World) -> None:
    world.topic.mails += [replace(mail, subject="Waiting for capacity: stations") for mail in world.topic.mails * 2]


def drop_without_an_event(world: World) -> None:
    world.dropped.append(("incoming/stations/other.jsonl", "v0"))


def say_that_it_failed(world: World) -> None:
    world.topic.mails[:] = [replace(mail, subject="Run failed (Aborted): stations") for mail in world.topic.mails]


def forget_what_is_published(world: World) -> None:
    world.parameters.history.clear()


def redrive(world: World) -> None:
    execution(world).redrives, execution(world).redriven_at = 1, world.clock.seconds


def delete_the_champion(world: World) -> None:
    deployment(world).deleted_at = world.clock.now()


def serve_another_model(world: World) -> None:
    deployment(world).model_arn = "arn:aws:bedrock:another"


def create_the_champion_again(world: World) -> None:
    deployment(world).ready_at = None


def delete_the_model(world: World) -> None:
    world.bedrock.state.models[published(world).model_arn].deleted_at = world.clock.now()


def begin_a_swap(world: World) -> None:
    swap = Swap(model_arn="arn:aws:bedrock:another", begun=world.clock.now())
    publish(world, published(world).model_copy(update={"swap": swap}))


def publish_over_an_unknown_model(world: World) -> None:
    publish(world, published(world).model_copy(update={"run_id": "other", "previous_run_id": None}))


def never_end(world: World) -> None:
    execution(world).status = "RUNNING"


def fail_without_a_name(world: World) -> None:
    execution(world).status, execution(world).error = "FAILED", "KeyError"


def show_a_record(world: World) -> None:
    world.look(f"a mail about {MARKER}")


def leave_a_dead_letter(world: World) -> None:
    world.functions.dead_letters.append(DeadLetter(0.0, "CleanUpRun", "EndpointBusy", "", suffered=False))


def break_the_simulation(world: World) -> None:
    world.defects.append("S3 here does not know SelectObjectContent.")


def forbid(world: World) -> None:
    world.forbidden.append("Notify may not sns:Publish")


def answer_at_length(world: World) -> None:
    next(iter(world.bedrock.state.usage.values())).output_tokens += 1_000_000


def train_for_longer(world: World) -> None:
    next(iter(world.bedrock.state.jobs.values())).epochs_trained *= 100


def forget_a_look(world: World) -> None:
    [key] = world.s3.keys(ARTIFACTS, "looks/")
    world.s3.delete(ARTIFACTS, key)


def count_a_look_twice(world: World) -> None:
    [key] = world.s3.keys(ARTIFACTS, "looks/")
    world.s3.put(ARTIFACTS, key.replace("000001", "000002"), json.dumps(world.artifact(key)).encode())


BREAKS: tuple[tuple[Callable[[World], None], str], ...] = (
    (leave_an_endpoint, "endpoint leak"),
    (let_a_job_run_on, "job after end"),
    (let_an_unknown_job_run, "job after end"),
    (start_a_second_job, "two jobs"),
    (send_twice, "double mail"),
    (send_for_a_duplicate, "double mail"),
    (say_twice_that_it_waits, "double mail"),
    (drop_without_an_event, "silence"),
    (say_that_it_failed, "wrong ending"),
    (forget_what_is_published, "wrong ending"),
    (redrive, "silence"),
    (delete_the_champion, "champion broken"),
    (serve_another_model, "champion broken"),
    (create_the_champion_again, "champion broken"),
    (delete_the_model, "champion broken"),
    (begin_a_swap, "unfinished swap"),
    (publish_over_an_unknown_model, "overwritten champion"),
    (never_end, "stuck"),
    (fail_without_a_name, "unnamed error"),
    (show_a_record, "training text"),
    (forget_a_look, "looks"),
    (count_a_look_twice, "looks"),
    (leave_a_dead_letter, "dead letter"),
    (break_the_simulation, "defect"),
    (forbid, "forbidden"),
    (answer_at_length, "over the limit"),
    (train_for_longer, "over the limit"),
)


@pytest.mark.parametrize(("damage", "kind"), BREAKS, ids=lambda each: getattr(each, "__name__", ""))
def test_what_is_broken_by_hand_is_seen(world: World, damage: Callable[[World], None], kind: str) -> None:
    damage(world)
    assert kind in {each.kind for each in checker.violations(world)}


def test_a_mail_that_never_came_is_seen(world: World) -> None:
    world.topic.mails.clear()
    assert [each.kind for each in checker.violations(world)] == ["silence"]


def test_a_job_that_was_asked_to_stop_and_a_letter_of_a_function_that_suffered_are_no_violations(world: World) -> None:
    let_a_job_run_on(world)
    next(iter(world.bedrock.state.jobs.values())).stop_requested = True
    leave_a_dead_letter(world)
    world.functions.dead_letters[0] = replace(world.functions.dead_letters[0], suffered=True)
    assert checker.violations(world) == []


def test_one_mail_before_a_redrive_and_one_after_it_are_right(world: World) -> None:
    redrive(world)
    world.topic.mails += [replace(mail, at=world.clock.seconds) for mail in world.topic.mails]
    assert checker.violations(world) == []

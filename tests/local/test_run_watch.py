"""What a watcher of an execution sees, from stand-ins for the services that it asks."""

from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from finetune_cli.history import Event
from local.clock import Timeline
from local.session import Session
from local.watch import Activity, watch
from tests.local.histories import recorded, timeline

JOB = {
    "status": "InProgress",
    "statusDetails": {"validationDetails": {"status": "Completed"}, "trainingDetails": {"status": "InProgress"}},
}
ENDED_JOB = {
    "status": "Completed",
    "trainingMetrics": {"trainingLoss": 1.5},
    "validationMetrics": [{"validationLoss": 2.25}],
}


def events_until(kind: str, name: str) -> list[Event]:
    """The recorded promotion up to the moment at which a state was entered."""
    events = recorded("promoted")
    return events[: 1 + next(index for index, event in enumerate(events) if _is(event, kind, name))]


def _is(event: Event, kind: str, name: str) -> bool:
    return (event["type"], event.get("stateEnteredEventDetails", {}).get("name")) == (kind, name)


def session(
    events: list[Event],
    *,
    job: Any = JOB,
    keys: tuple[str, ...] = (),
    faults: tuple[str, ...] = (),
    now: datetime | None = None,
) -> Session:
    """A session whose execution stands where these events end."""

    def get_job(**_asked: str) -> Any:
        if isinstance(job, Exception):
            raise job
        return job

    def pages(name: str) -> Any:
        found = {
            "get_execution_history": {"events": events},
            "list_objects_v2": {"Contents": [{"Key": k} for k in keys]},
        }
        return SimpleNamespace(paginate=lambda **_asked: [found[name]])

    client = SimpleNamespace(
        describe_execution=lambda **_asked: {"status": "RUNNING", "startDate": events[0]["timestamp"]},
        get_paginator=pages,
        get_model_customization_job=get_job,
        get_custom_model_deployment=lambda **_asked: {"status": "Creating"},
    )
    cloud = SimpleNamespace(client=lambda _service: client)
    passing = count()

    def timeline_now() -> Timeline:
        return timeline([*events, {"timestamp": (now or events[-1]["timestamp"]) + timedelta(seconds=next(passing))}])

    bedrock = SimpleNamespace(pending_faults=lambda: list(faults), timeline=timeline_now)
    return cast(Session, SimpleNamespace(cloud=cloud, bedrock=bedrock))


def seen(session: Session) -> list[Activity]:
    return next(watch(session, "arn")).activities


TRAINING = events_until("WaitStateEntered", "Wait For Customization Job")


def test_a_job_is_told_by_its_phase() -> None:
    assert seen(session(TRAINING)) == [Activity("job", "training")]


def test_a_job_that_has_ended_tells_its_losses() -> None:
    assert seen(session(TRAINING, job=ENDED_JOB)) == [
        Activity("job", "Completed, training loss 1.500, validation loss 2.250")
    ]


def test_a_job_that_does_not_exist_yet_is_not_shown() -> None:
    missing = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetModelCustomizationJob")
    assert seen(session(TRAINING, job=missing)) == []


@pytest.mark.parametrize("fault", ["throttle-get-job:3", "lose-response-get-job@2:1"])
def test_the_watcher_takes_no_fault_away_from_the_run(fault: str) -> None:
    assert seen(session(TRAINING, job=AssertionError("asked"), faults=(fault,))) == []


def test_an_endpoint_is_told_by_its_status() -> None:
    waiting = events_until("WaitStateEntered", "Wait For Endpoint")
    assert seen(session(waiting)) == [Activity("endpoint", "on demand, Creating")]


def test_a_run_that_waits_for_a_person_says_so() -> None:
    *before, entered = events_until("TaskStateEntered", "Validate Dataset")
    named = {**entered["stateEnteredEventDetails"], "name": "Request Approval"}
    waiting = session([*before, {**entered, "stateEnteredEventDetails": named}])
    assert seen(waiting) == [Activity("approval", "waits for a person; the mail has the two commands that answer")]


def test_answers_are_counted_by_the_files_that_hold_them() -> None:
    asking = events_until("MapStateEntered", "Evaluate Shards")
    run = next(iter(watch(session(asking), "arn"))).run
    assert run is not None
    folder = run.folder.removeprefix("s3://").partition("/")[2]
    one_shard = session(asking, keys=(f"{folder}/answers/base/000.jsonl",))
    (activity,) = seen(one_shard)
    assert (activity.done, activity.total) == (25, 80)


def test_service_time_goes_on_between_events() -> None:
    later = TRAINING[-1]["timestamp"] + timedelta(minutes=5)
    views = watch(session(TRAINING, now=later), "arn")
    first, second = next(views), next(views)
    assert TRAINING[-1]["timestamp"] < first.now < second.now
    assert second.real_seconds > first.real_seconds

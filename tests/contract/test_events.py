"""The sample events are what the template delivers and what the contracts take."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.events.models import EventPattern
from pydantic import ValidationError

from finetune.contracts import CleanUpRunInput, StartRunInput, SweepEndpointsInput
from finetune.domain.customization import jobs
from finetune.domain.customization.projects import execution_name
from finetune.frozen import Contract
from finetune.run import DatasetDropped
from tools.project import ROOT, resources

CONTRACTS: dict[str, type[Contract]] = {
    "dataset_dropped.json": DatasetDropped,
    "execution_failed.json": CleanUpRunInput,
    "object_created.json": StartRunInput,
    "resume_run.json": DatasetDropped,
    "sweep_endpoints.json": SweepEndpointsInput,
}


def sample(name: str) -> Any:
    return json.loads((ROOT / "events" / name).read_text())


def rule(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources("AWS::Events::Rule")[name]["Properties"]
    return properties


def matches(name: str, event: dict[str, Any], **resolved: str) -> bool:
    """Whether a rule's pattern takes an event, with every reference in the pattern resolved."""
    pattern = json.dumps(rule(name)["EventPattern"])
    for reference, value in resolved.items():
        pattern = pattern.replace(json.dumps({"Ref": reference}), json.dumps(value))
    return bool(EventPattern.load(pattern).matches_event(event))


def status_change(**detail: Any) -> dict[str, Any]:
    failed = sample("execution_failed.json")
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {**failed, **detail},
    }


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_sample_event_is_valid(name: str) -> None:
    assert CONTRACTS[name].model_validate(sample(name))


@pytest.mark.parametrize("name", ["dataset_dropped.json", "resume_run.json", "sweep_endpoints.json"])
def test_an_unknown_key_in_an_event_of_ours_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="another"):
        CONTRACTS[name].model_validate({**sample(name), "another": 1})


def test_every_sample_is_covered_here() -> None:
    assert {path.name for path in (ROOT / "events").iterdir()} == set(CONTRACTS)


def test_a_dropped_object_matches_the_rule_which_passes_the_whole_event_to_start_run() -> None:
    event = sample("object_created.json")
    assert matches("DatasetDroppedRule", event, DatasetBucket=event["detail"]["bucket"]["name"])
    [target] = rule("DatasetDroppedRule")["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["StartRunFunction", "Arn"]}
    assert not [key for key in target if key.startswith("Input")]
    permission = resources("AWS::Lambda::Permission")["DatasetDroppedPermission"]["Properties"]
    assert permission["FunctionName"] == {"Ref": "StartRunFunction"}
    assert permission["SourceArn"] == {"Fn::GetAtt": ["DatasetDroppedRule", "Arn"]}


def test_of_an_event_the_machines_input_has_what_the_sample_has() -> None:
    dropped = StartRunInput.model_validate(sample("object_created.json"))
    assert json.loads(dropped.model_dump_json(exclude_defaults=True)) == sample("dataset_dropped.json")


@pytest.mark.parametrize(
    ("key", "size"),
    [
        ("projects/shop-assistant/evaluation.jsonl", 10),
        ("runs/shop-assistant/20261121-171617-774d1e46/staged/training-0a1b.jsonl", 10),
        ("incoming/shop-assistant/", 0),
        ("incoming.jsonl", 10),
    ],
)
def test_what_is_not_a_drop_starts_nothing(key: str, size: int) -> None:
    event = sample("object_created.json")
    event["detail"]["object"] |= {"key": key, "size": size}
    assert not matches("DatasetDroppedRule", event, DatasetBucket=event["detail"]["bucket"]["name"])


def test_a_run_is_resumed_with_the_input_of_its_execution_and_two_more_keys() -> None:
    given, resumed = sample("dataset_dropped.json"), sample("resume_run.json")
    run = jobs.run_id(**DatasetDropped.model_validate(given).identity)
    assert resumed == given | {"attempt": 2, "resume": run}


def test_an_object_in_another_bucket_starts_nothing() -> None:
    assert not matches("DatasetDroppedRule", sample("object_created.json"), DatasetBucket="another")


def test_an_ended_execution_is_cleaned_up_after_unless_it_succeeded() -> None:
    machine = sample("execution_failed.json")["stateMachineArn"]
    taken = {
        status: matches("RunEndedRule", status_change(status=status), FineTuningStateMachine=machine)
        for status in ("FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED", "RUNNING")
    }
    assert taken == {"FAILED": True, "TIMED_OUT": True, "ABORTED": True, "SUCCEEDED": False, "RUNNING": False}
    assert not matches("RunEndedRule", status_change(), FineTuningStateMachine="another")
    assert rule("RunEndedRule")["Targets"][0]["InputPath"] == "$.detail"


def test_the_failed_execution_is_one_that_the_dropped_dataset_started() -> None:
    failed = CleanUpRunInput.model_validate(sample("execution_failed.json"))
    assert json.loads(failed.input or "") == sample("dataset_dropped.json")
    started = datetime.fromtimestamp(sample("execution_failed.json")["startDate"] / 1000, UTC)
    dropped = DatasetDropped.model_validate(sample("dataset_dropped.json")).event_time
    assert 0 <= (started - dropped).total_seconds() < 5


def test_the_failed_execution_has_the_name_of_its_run() -> None:
    failed = sample("execution_failed.json")
    dropped = DatasetDropped.model_validate(sample("dataset_dropped.json"))
    assert failed["name"] == execution_name(**dropped.identity)
    assert failed["executionArn"].endswith(f":{failed['name']}")


def test_the_schedule_passes_the_sweeper_what_the_sample_holds() -> None:
    schedule = resources("AWS::Scheduler::Schedule")["SweepSchedule"]["Properties"]
    assert json.loads(schedule["Target"]["Input"]) == sample("sweep_endpoints.json")

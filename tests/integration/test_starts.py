"""A dropped object starts one execution, however often it is told of, at once or later; a refusal is mailed once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from finetune.aws import mail, starts
from finetune.aws.starts import REFUSED_FOR_GOOD
from finetune.contracts import StartRunInput, StartRunOutput
from finetune.domain.customization.projects import execution_name
from finetune.environment import StartEnvironment
from finetune.errors import AccessRefused, FileUnreadable, FineTuneError, ServiceBusy, ServiceRefused
from finetune.run import DatasetDropped
from tests.integration.fakes import STACK, MemoryBucket, MemoryTopic
from tools.project import ROOT

MACHINE = f"arn:aws:states:us-east-1:123456789012:stateMachine:{STACK}"
ENVIRONMENT = StartEnvironment(
    STACK_NAME=STACK, ARTIFACT_BUCKET="artifacts", TOPIC_ARN="topic", STATE_MACHINE_ARN=MACHINE
)
KEY = "incoming/shop/a.jsonl"


@dataclass
class MemoryMachine:
    """A state machine whose executions run until they are in `ended`; `refusal` is what it answers instead."""

    inputs: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    refusal: str = ""
    known: set[str] = field(default_factory=set)

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 - Step Functions' own names
        if executionArn.rpartition(":")[2] not in self.known:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": "no"}}, "DescribeExecution")
        return {"executionArn": executionArn, "status": "RUNNING", "ResponseMetadata": {"HTTPHeaders": {}}}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: N803 - Step Functions' own names
        refusal = self.refusal
        if not refusal and (name in self.ended or self.inputs.get(name, input) != input):
            refusal = "ExecutionAlreadyExists"
        if refusal:
            raise ClientError({"Error": {"Code": refusal, "Message": "no"}}, "StartExecution")
        self.inputs[name] = input
        self.known.add(name)
        return {"executionArn": f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"}


@dataclass
class Starting:
    """The state machine beside the bucket and the topic that a refusal is mailed with."""

    machine: MemoryMachine = field(default_factory=MemoryMachine)
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    topic: MemoryTopic = field(default_factory=MemoryTopic)

    def start(self, dropped: DatasetDropped) -> StartRunOutput:
        return starts.start_run(cast("Any", self.machine), cast("Any", self.bucket), dropped, ENVIRONMENT)

    def later(self, time: timedelta) -> None:
        """What the sweeper does after some time."""
        self.bucket.now += time
        machine, s3, sns = cast("Any", self.machine), cast("Any", self.bucket), cast("Any", self.topic)
        for uri in starts.waiting(s3, ENVIRONMENT):
            starts.start_late(machine, s3, sns, uri, ENVIRONMENT)


def dropped(key: str = KEY, version: str = "v1", **event: Any) -> StartRunInput:
    """What an event of S3 tells of an object."""
    told = json.loads((ROOT / "events/object_created.json").read_text()) | event
    told["detail"]["object"] |= {"key": key, "version-id": version}
    return StartRunInput.model_validate(told)


def test_two_deliveries_start_one_execution_with_the_same_input_whether_it_still_runs_or_has_ended() -> None:
    starting = Starting()
    first = starting.start(dropped())
    again = starting.start(dropped(id="another", account="another"))
    [(name, text)] = starting.machine.inputs.items()
    starting.machine.ended.add(name)
    assert starting.start(dropped()) == first == again
    assert first.execution_arn == f"arn:aws:states:us-east-1:123456789012:execution:{STACK}:{name}"
    assert starting.machine.inputs == {name: text}
    assert starting.topic.sent == []


def test_another_version_and_another_time_are_other_executions_and_the_input_says_which() -> None:
    starting = Starting()
    told = [dropped(), dropped(version="v2"), dropped(time="2026-11-21T09:14:32Z")]
    assert len({starting.start(each).execution_arn for each in told}) == 3
    read = [DatasetDropped.model_validate_json(text) for text in starting.machine.inputs.values()]
    assert [each.payload() for each in read] == [each.payload() for each in told]


@pytest.mark.parametrize(
    "key",
    [
        'incoming/sh"op/"a".jsonl',
        "incoming/back\\slash\\a.jsonl",
        "incoming/new\nline/a.jsonl",
        "incoming/Größe & Co/<key>.jsonl",
        "incoming/{}/$.a.jsonl",
        f"incoming/{'x' * 1000}.jsonl",
    ],
)
def test_any_key_that_s3_takes_reaches_the_machine_as_it_is(key: str) -> None:
    starting = Starting()
    starting.start(dropped(key))
    [(name, text)] = starting.machine.inputs.items()
    assert json.loads(text)["key"] == key
    assert name == execution_name(**dropped(key).identity)


@pytest.mark.parametrize("key", ["incoming/shop/data.zip", "incoming/readme", "incoming/"])
def test_what_is_no_dataset_is_started_so_that_plan_run_can_answer_it(key: str) -> None:
    starting = Starting()
    assert starting.start(dropped(key)).execution_arn
    assert len(starting.machine.inputs) == 1


@pytest.mark.parametrize(
    "code",
    ["ThrottlingException", "InternalServerException", "ExecutionLimitExceeded", "ExecutionAlreadyExists"],
)
def test_what_cannot_be_started_now_is_started_by_the_sweeper_when_it_can(code: str) -> None:
    starting = Starting(machine=MemoryMachine(refusal=code))
    arn = starting.start(dropped()).execution_arn
    starting.later(timedelta(days=2))
    assert starting.machine.inputs == {}
    starting.machine.refusal = ""
    starting.later(timedelta(minutes=15))
    starting.later(timedelta(minutes=15))
    assert [arn.rsplit(":", 1)[1]] == list(starting.machine.inputs)
    assert (starting.topic.sent, list(starting.bucket.objects)) == ([], [])


@pytest.mark.parametrize(
    ("code", "error"), [("AccessDeniedException", AccessRefused), ("StateMachineDoesNotExist", ServiceRefused)]
)
def test_a_refusal_that_does_not_pass_is_mailed_once_and_raised_for_the_alarm(
    code: str, error: type[FineTuneError]
) -> None:
    starting = Starting(machine=MemoryMachine(refusal=code))
    for _ in range(2):
        starting.start(dropped())
    starting.later(timedelta(minutes=15))
    assert starting.topic.sent == []
    with pytest.raises(error, match=f"While starting execution shop-20261121-091431-.*: {code}: no"):
        starting.later(timedelta(minutes=15))
    starting.later(timedelta(minutes=15))
    assert starting.topic.sent == [f"Run failed ({error.__name__}): a.jsonl"]
    [body] = starting.topic.bodies
    for words in (KEY, code, "Nothing was started or billed.", "What to do: ", "-not-started"):
        assert words in body


def test_an_execution_that_is_started_after_all_still_has_its_own_mail_to_send() -> None:
    starting = Starting(machine=MemoryMachine(refusal="AccessDeniedException"))
    starting.start(dropped())
    with pytest.raises(AccessRefused):
        starting.later(REFUSED_FOR_GOOD)
    starting.machine.refusal = ""
    arn = starting.start(dropped()).execution_arn
    assert not mail.was_sent(cast("Any", starting.bucket), "artifacts", arn)


def test_what_can_be_neither_started_nor_written_down_is_left_to_lambda_and_the_dead_letters() -> None:
    starting = Starting(machine=MemoryMachine(refusal="ThrottlingException"))

    def down(**_: object) -> None:
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "no"}}, "PutObject")

    starting.bucket.put_object = down  # type: ignore[method-assign]  # a fault
    with pytest.raises(ServiceBusy):
        starting.start(dropped())


def test_what_another_release_wrote_down_is_started_and_what_cannot_be_read_stays_and_is_named() -> None:
    starting = Starting(MemoryMachine(refusal="ThrottlingException"))
    starting.start(dropped())
    starting.machine.refusal = ""
    [(key, (content, written))] = starting.bucket.objects.items()
    assert json.loads(content)["schema"] == 1
    starting.bucket.objects[key] = (json.dumps(json.loads(content) | {"new": {"a": 1}}).encode(), written)
    starting.later(timedelta())
    [text] = starting.machine.inputs.values()
    assert text == dropped().model_dump_json(exclude_defaults=True)
    starting.bucket.objects[key] = (b"{}", written)
    with pytest.raises(FileUnreadable, match=key):
        starting.later(timedelta())
    assert list(starting.bucket.objects) == [key]

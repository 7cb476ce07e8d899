"""What AWS was seen to answer is what the emulator of Bedrock and the simulation of the other services answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore import parsers
from botocore.exceptions import ClientError

from local.gateway.lambda_runtime import describe
from tests.emulator import ACCOUNT, JOB_ROLE, Emulator, ManualClock, running_emulator
from tests.recorded.answers import Recorded, Seen, differences, recorded
from tests.simulation.events import object_created
from tests.simulation.functions import described
from tests.simulation.machines import Execution, Machines
from tests.simulation.parameters import Parameters
from tests.simulation.s3 import S3
from tests.simulation.wire import Answer, Refused, model, operation_model, refusal

NOVA, HAIKU = "amazon.nova-micro-v1:0:128k", "anthropic.claude-3-haiku-20240307-v1:0"
PREMIER = "amazon.titan-text-premier-v1:0"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANSWERS = recorded()


def asked(work: Callable[..., Any], **request: Any) -> Seen:
    """What a client got for a request."""
    try:
        answer = work(**request)
    except ClientError as error:
        about, error_fields = error.response["ResponseMetadata"], error.response["Error"]
        code, message = error_fields["Code"], error_fields["Message"]
        return Seen(about["HTTPStatusCode"], code, message, headers=about["HTTPHeaders"])
    return Seen(answer["ResponseMetadata"]["HTTPStatusCode"], fields=answer)


def say(emulator: Emulator, model_id: str, *turns: tuple[str, str]) -> Seen:
    """What a model answers to turns of a conversation."""
    messages = [{"role": role, "content": [{"text": text}]} for role, text in turns or (("user", "hello"),)]
    return asked(emulator.runtime.converse, modelId=model_id, messages=messages)


def job(emulator: Emulator, **changes: Any) -> Seen:
    """The start of a job with a tag."""
    turns = (("user", "What is it?"), ("assistant", "A lamp."))
    messages = [{"role": role, "content": [{"text": text}]} for role, text in turns]
    line = {"schemaVersion": "bedrock-conversation-2024", "messages": messages}
    for name in ("train", "validation"):
        emulator.s3.objects[f"data/{name}.jsonl"] = "\n".join([json.dumps(line)] * 12).encode()
    request = {
        "jobName": "job",
        "customModelName": "model",
        "roleArn": JOB_ROLE,
        "baseModelIdentifier": NOVA,
        "trainingDataConfig": {"s3Uri": "s3://data/train.jsonl"},
        "validationDataConfig": {"validators": [{"s3Uri": "s3://data/validation.jsonl"}]},
        "outputDataConfig": {"s3Uri": "s3://data/out"},
        "jobTags": [{"key": "Owner", "value": "somebody"}],
    }
    return asked(emulator.control.create_model_customization_job, **request | changes)


def deployment(emulator: Emulator) -> dict[str, str]:
    """The ARNs of a custom model and of a deployment of it that was just made."""
    arn = emulator.add_model("model", NOVA)
    made = emulator.control.create_custom_model_deployment(modelDeploymentName="endpoint", modelArn=arn)
    return {"modelArn": arn, "customModelDeploymentArn": made["customModelDeploymentArn"]}


def deletes_in_creating(emulator: Emulator) -> Seen:
    arn = deployment(emulator)["customModelDeploymentArn"]
    return asked(emulator.control.delete_custom_model_deployment, customModelDeploymentIdentifier=arn)


def stops(emulator: Emulator) -> Seen:
    arn = job(emulator).fields["jobArn"]
    emulator.control.stop_model_customization_job(jobIdentifier=arn)
    return asked(emulator.control.get_model_customization_job, jobIdentifier=arn)


def changes_tags(emulator: Emulator) -> Seen:
    arn = job(emulator).fields["jobArn"]
    emulator.control.tag_resource(resourceARN=arn, tags=[{"key": "foo", "value": "bar"}])
    emulator.control.untag_resource(resourceARN=arn, tagKeys=["Owner"])
    return asked(emulator.control.list_tags_for_resource, resourceARN=arn)


def deletes_a_model(emulator: Emulator) -> Seen:
    emulator.control.delete_custom_model(modelIdentifier=emulator.add_model("model", NOVA))
    return asked(emulator.control.list_custom_models)


def leaves_files(emulator: Emulator) -> Seen:
    job(emulator)
    emulator.finish_jobs(cast("ManualClock", emulator.world.clock))
    ends = {"training": "step_wise_training_metrics.csv", "validation": "validation_metrics.csv"}
    written = [name for name in emulator.s3.objects if name.startswith("data/out/")]
    return Seen(fields={what: next(name for name in written if name.endswith(end)) for what, end in ends.items()})


def lists_base_models(emulator: Emulator) -> Seen:
    return Seen(fields=emulator.control.list_foundation_models(byProvider="Amazon")["modelSummaries"][0])


def comes_too_soon(emulator: Emulator) -> Seen:
    emulator.admin.inject("throttle-converse")
    return say(emulator, "amazon.nova-micro-v1:0")


def may_not_ask(emulator: Emulator) -> Seen:
    _, runtime = emulator.clients_of("asker")
    messages = [{"role": "user", "content": [{"text": "hello"}]}]
    return asked(runtime.converse, modelId="amazon.nova-micro-v1:0", messages=messages)


def is_nobody(emulator: Emulator) -> Seen:
    control, _ = emulator.clients_of("somebody")
    del emulator.iam.keys["somebody"]
    return asked(control.list_foundation_models)


BEDROCK: Mapping[str, Callable[[Emulator], Seen]] = {
    "a deployment in Creating is deleted": deletes_in_creating,
    "a job has a role that Bedrock cannot assume": lambda e: job(e, roleArn=f"arn:aws:iam::{ACCOUNT}:role/other"),
    "a job is stopped and looked at": stops,
    "the tags of a job are changed": changes_tags,
    "the ARN of a job": job,
    "a custom model is deleted and models are listed": deletes_a_model,
    "the ARNs of a custom model and its deployment": lambda e: Seen(fields=deployment(e)),
    "the files that a job of Nova leaves": leaves_files,
    "base models of one provider are listed": lists_base_models,
    "a base model past its end is looked up": lambda e: asked(e.control.get_foundation_model, modelIdentifier=PREMIER),
    "a base model past its end is asked": lambda e: say(e, HAIKU),
    "a base model is asked that does not exist": lambda e: say(e, "amazon.no-model-v1:0"),
    "a base model is asked without its inference profile": lambda e: say(e, "amazon.nova-2-lite-v1:0"),
    "a base model of an inference profile is asked with a context length": (
        lambda e: say(e, "amazon.nova-2-lite-v1:0:256k")
    ),
    "a base model that needs no profile is asked with a context length": lambda e: say(e, "amazon.nova-lite-v1:0:24k"),
    "a model that makes no text is asked": lambda e: say(e, "amazon.titan-embed-image-v1"),
    "a conversation has two turns of one role": (
        lambda e: say(e, "amazon.nova-micro-v1:0", ("user", "hello"), ("user", "again"))
    ),
    "a conversation begins with the assistant": lambda e: say(e, "amazon.nova-micro-v1:0", ("assistant", "hello")),
    "a turn is blank": lambda e: say(e, "amazon.nova-micro-v1:0", ("user", " ")),
    "requests come too soon": comes_too_soon,
    "an identifier does not match its pattern": lambda e: say(e, "no model!"),
    "a role may not ask a base model": may_not_ask,
    "a role may not list base models": lambda e: asked(e.clients_of("asker")[0].list_foundation_models),
    "the access key is nobody's": is_nobody,
}


def simulated(service: str, operation: str, work: Callable[[], Answer]) -> Seen:
    """What botocore reads of an answer of the simulation."""
    try:
        answer = work()
    except Refused as refused:
        answer = refusal(service, operation, refused)
    about = operation_model(service, operation)
    wire = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}
    parsed = parsers.create_parser(model(service).protocol).parse(wire, cast("Any", about.output_shape))
    error = parsed.get("Error", {})
    return Seen(answer.status, error.get("Code"), error.get("Message"), fields=parsed)


def s3(operation: str, *earlier: tuple[str, str, bytes], query: str = "", once: bool = False) -> Seen:
    """What a bucket answers about one key, after earlier requests."""
    bucket = S3(lambda: NOW, lambda *_: None)
    headers = {"If-None-Match": "*"} if once else {}
    for name, parameters, body in earlier:
        bucket.answer(name, f"https://bucket.s3.amazonaws.com/key?{parameters}", {}, body)
    url = f"https://bucket.s3.amazonaws.com/key?{query}"
    return simulated("s3", operation, lambda: bucket.answer(operation, url, headers, b"test"))


def parameter(operation: str, *earlier: str) -> Seen:
    """What Parameter Store answers about one name, after values were written."""
    store = Parameters(lambda: NOW)
    for value in earlier:
        store.answer("PutParameter", json.dumps({"Name": "/name", "Value": value}).encode())
    body = json.dumps({"Name": "/name", "Value": "other"}).encode()
    return simulated("ssm", operation, lambda: store.answer(operation, body))


def execution(operation: str, **request: str) -> Seen:
    """What Step Functions answers where an execution was and no state waits."""
    machines = Machines(cast("Any", SimpleNamespace()))
    arn = "arn:aws:states:us-east-1:123456789012:execution:finetune:name"
    machines.executions = cast("Any", _AnyExecution({arn: Execution(arn, "name", "{}", NOW)}))
    return simulated("sfn", operation, lambda: machines.answer(operation, json.dumps(request).encode()))


class _AnyExecution(dict[str, Execution]):
    """One execution under whatever ARN it is looked up."""

    def get(self, _key: str, default: Any = None) -> Any:
        return next(iter(self.values()), default)


def raises() -> Exception:
    """An exception that was raised in a function."""
    try:
        raise Exception("Some exception was raised.")
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error


def new_object() -> Seen:
    bucket = S3(lambda: NOW, lambda *_: None)
    return Seen(fields=object_created("bucket", "key", bucket.put("bucket", "key", b"data")))


UPLOADED = (("PutObject", "", b""), ("CreateMultipartUpload", "uploads", b""), ("DeleteObject", "", b""))
OTHERS: Mapping[str, Callable[[], Seen]] = {
    "S3 is asked for an object that is not there": lambda: s3("GetObject"),
    "S3 is to write what is there already": lambda: s3("PutObject", ("PutObject", "", b""), once=True),
    "S3 is to complete an upload of what was deleted meanwhile": (
        lambda: s3("CompleteMultipartUpload", *UPLOADED, query="uploadId=upload2", once=True)
    ),
    "S3 deletes an object of a bucket with versions": lambda: s3("DeleteObject", ("PutObject", "", b"")),
    "S3 is asked to complete an upload that is not there": (
        lambda: s3("CompleteMultipartUpload", query="uploadId=upload9")
    ),
    "a parameter is read": lambda: parameter("GetParameter", "test"),
    "a parameter is read that is not there": lambda: parameter("GetParameter"),
    "a parameter is written that is there already": lambda: parameter("PutParameter", "test"),
    "an execution has the name of an earlier one": lambda: execution("StartExecution", name="name", input='{"a": 1}'),
    "a token is answered that nobody waits for": lambda: execution("SendTaskSuccess", taskToken="gone", output="{}"),
    "a function raises": lambda: Seen(fields=described(raises(), "id")),
    "S3 tells of a new object": new_object,
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(ManualClock()) as running:
        yield running


@pytest.mark.parametrize("wanted", [each for each in ANSWERS if each.situation in BEDROCK], ids=lambda e: e.situation)
def test_the_emulator_answers_as_bedrock_was_seen_to(wanted: Recorded, emulator: Emulator) -> None:
    assert list(differences(wanted, BEDROCK[wanted.situation](emulator))) == []


@pytest.mark.parametrize("wanted", [each for each in ANSWERS if each.situation in OTHERS], ids=lambda e: e.situation)
def test_the_simulation_answers_as_the_other_services_were_seen_to(wanted: Recorded) -> None:
    assert list(differences(wanted, OTHERS[wanted.situation]())) == []


def test_the_local_cloud_describes_the_error_of_a_function_with_the_fields_that_lambda_was_seen_to_have() -> None:
    wanted = next(each for each in ANSWERS if each.situation == "a function raises")
    assert describe(raises(), "id").keys() == wanted.fields.keys()


def test_every_answer_is_compared_and_has_a_source_that_can_be_found() -> None:
    assert {each.situation for each in ANSWERS} == BEDROCK.keys() | OTHERS.keys()
    for each in ANSWERS:
        assert re.match(r"https://|[\w.-]+/[\w.-]+ \S+/", each.source), each.source
        assert each.code or each.fields, each.situation


def test_a_difference_in_any_part_is_found() -> None:
    about = {"situation": "s", "kind": "report", "source": "https://a", "date": "2026-01-01"}
    told = {
        "status": 400,
        "code": "A",
        "message": "the {word} is bad",
        "fields": {"a": [{"b": 1}]},
        "headers": {"h": "x"},
    }
    wanted = Recorded.model_validate(about | told)
    same: dict[str, Any] = told | {"message": "the name is bad"}
    assert list(differences(wanted, Seen(**same))) == []
    changes: list[dict[str, Any]] = [
        {"status": 404},
        {"code": "B"},
        {"message": "the name is good"},
        {"fields": {"a": [{"b": 2}]}},
        {"fields": {"a": []}},
        {"fields": {}},
        {"headers": {}},
    ]
    for change in changes:
        assert list(differences(wanted, Seen(**same | change))) != [], change

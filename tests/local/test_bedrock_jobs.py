"""Customization jobs: what is refused, how they run, what they leave in S3, and how they end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from finetune.domain.catalog import Method, base_model, base_models
from local.clock import Clock
from tests.emulator import ACCOUNT, JOB_ROLE, REGION, Emulator, ManualClock, bedrock_trust, running_emulator
from tests.waiting import eventually

NOVA = "amazon.nova-micro-v1:0:128k"
CANVAS = "amazon.nova-canvas-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0:128k"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0:200k"
TOPICS = ("router", "lamp", "printer", "desk", "phone", "chair", "screen", "mouse", "cable", "charger", "fan", "clock")


def conversation(prompt: str, answer: str) -> str:
    turns = [("user", prompt), ("assistant", answer)]
    messages = [{"role": role, "content": [{"text": text}]} for role, text in turns]
    return json.dumps({"schemaVersion": "bedrock-conversation-2024", "messages": messages})


def lines(count: int = 12, start: int = 0) -> bytes:
    numbers = range(start, start + count)
    rows = [(f"How do I mend {TOPICS[n % 12]} {n}?", f"Open {TOPICS[n % 12]} {n} and clean it.") for n in numbers]
    return "\n".join(conversation(*row) for row in rows).encode()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> Iterator[Emulator]:
    with running_emulator(clock) as running:
        running.s3.objects["data/train.jsonl"] = lines()
        running.s3.objects["data/validation.jsonl"] = lines(4, start=100)
        yield running


def request(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "jobName": "job-1",
        "customModelName": "model-1",
        "roleArn": JOB_ROLE,
        "baseModelIdentifier": NOVA,
        "trainingDataConfig": {"s3Uri": "s3://data/train.jsonl"},
        "outputDataConfig": {"s3Uri": "s3://data/out"},
    }
    return {name: value for name, value in (base | changes).items() if value is not None}


def create(emulator: Emulator, **changes: Any) -> str:
    return emulator.control.create_model_customization_job(**request(**changes))["jobArn"]


def status(emulator: Emulator, job: str) -> str:
    return emulator.control.get_model_customization_job(jobIdentifier=job)["status"]


def phases(emulator: Emulator, job: str) -> list[str]:
    details: Any = emulator.control.get_model_customization_job(jobIdentifier=job)["statusDetails"]
    return [details[name]["status"] for name in ("validationDetails", "dataProcessingDetails", "trainingDetails")]


def run_to_end(emulator: Emulator, clock: ManualClock, job: str) -> Any:
    clock.advance(600)
    eventually(lambda: status(emulator, job) in {"Completed", "Failed", "Stopped"})
    return emulator.control.get_model_customization_job(jobIdentifier=job)


def refused(emulator: Emulator, code: str, words: str, **changes: Any) -> None:
    with pytest.raises(ClientError) as error:
        create(emulator, **changes)
    assert error.value.response["Error"]["Code"] == code
    assert words in error.value.response["Error"]["Message"]


def test_a_job_passes_through_its_phases_on_the_service_clock(emulator: Emulator, clock: ManualClock) -> None:
    job = create(emulator)
    eventually(lambda: phases(emulator, job) == ["InProgress", "NotStarted", "NotStarted"])
    clock.advance(3)
    eventually(lambda: phases(emulator, job) == ["Completed", "InProgress", "NotStarted"])
    clock.advance(4)
    eventually(lambda: phases(emulator, job) == ["Completed", "Completed", "InProgress"])
    before = emulator.control.get_model_customization_job(jobIdentifier="job-1")
    assert not {"outputModelArn", "trainingMetrics", "validationMetrics", "endTime"} & before.keys()
    clock.advance(75)
    eventually(lambda: status(emulator, job) == "Completed")
    assert phases(emulator, job) == ["Completed"] * 3


def test_a_completed_job_has_losses_metrics_files_and_a_model_that_becomes_active(
    emulator: Emulator, clock: ManualClock
) -> None:
    validators = {"validators": [{"s3Uri": "s3://data/validation.jsonl"}]}
    job = create(emulator, validationDataConfig=validators, hyperParameters={"epochCount": "3"})
    done = run_to_end(emulator, clock, job)
    assert done["trainingMetrics"]["trainingLoss"] > 0
    assert done["validationMetrics"][0]["validationLoss"] > 0
    assert done["hyperParameters"] == {
        "epochCount": "3",
        "batchSize": "1",
        "learningRate": "0.00001",
        "learningRateWarmupSteps": "10",
    }
    folder = f"data/out/model-customization-job-{job.rsplit('/', 1)[-1]}"
    rows = emulator.s3.objects[f"{folder}/training_artifacts/step_wise_training_metrics.csv"].decode().splitlines()
    assert rows[0] == "step_number,epoch_number,training_loss,perplexity"
    assert len(rows) == 1 + 3 * 12
    assert rows[-1].startswith("36,2,")
    inner = "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv"
    assert len(emulator.s3.objects[f"{folder}/{inner}"].decode().splitlines()) == 1 + 3
    assert "data/out/.write_access_check_file.temp" in emulator.s3.objects
    assert emulator.control.get_custom_model(modelIdentifier="model-1")["modelStatus"] == "Creating"
    clock.advance(1)
    model = emulator.control.get_custom_model(modelIdentifier=done["outputModelArn"])
    assert (model["modelStatus"], model["jobName"]) == ("Active", "job-1")


def test_a_model_without_validation_support_gets_a_share_withheld_by_the_service(
    emulator: Emulator, clock: ManualClock
) -> None:
    emulator.s3.objects["data/train.jsonl"] = lines(200)
    job = create(emulator, baseModelIdentifier="amazon.nova-2-lite-v1:0:256k")
    assert run_to_end(emulator, clock, job)["validationMetrics"]
    validators = {"validators": [{"s3Uri": "s3://data/validation.jsonl"}]}
    refused(
        emulator,
        "ValidationException",
        "Validation data is not supported",
        baseModelIdentifier="amazon.nova-2-lite-v1:0:256k",
        validationDataConfig=validators,
        jobName="job-2",
        customModelName="model-2",
    )


@pytest.mark.parametrize(
    ("code", "words", "changes"),
    [
        ("ValidationException", "model identifier is invalid", {"baseModelIdentifier": "amazon.nova-micro-v1:0"}),
        ("ValidationException", "model identifier is invalid", {"baseModelIdentifier": HAIKU}),
        ("ValidationException", "model identifier is invalid", {"baseModelIdentifier": LLAMA}),
        ("ValidationException", "model identifier is invalid", {"baseModelIdentifier": "qwen.qwen3-32b-v1:0"}),
        ("ValidationException", "CONTINUED_PRE_TRAINING is not", {"customizationType": "CONTINUED_PRE_TRAINING"}),
        ("ValidationException", "epochCount must be between 1 and 5", {"hyperParameters": {"epochCount": "6"}}),
        ("ValidationException", "must be of type integer", {"hyperParameters": {"epochCount": "2.0"}}),
        ("ValidationException", "stepCount is not supported", {"hyperParameters": {"stepCount": "10"}}),
        ("ValidationException", "is a folder", {"trainingDataConfig": {"s3Uri": "s3://data/folder/"}}),
        ("ValidationException", "Could not assume provided IAM role", {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}),
    ],
)
def test_what_a_job_cannot_be_is_refused_at_once(
    emulator: Emulator, code: str, words: str, changes: dict[str, Any]
) -> None:
    refused(emulator, code, words, **changes)


@pytest.mark.parametrize(
    "trust",
    [
        bedrock_trust("999999999999", REGION),
        bedrock_trust(ACCOUNT, "eu-west-1"),
        bedrock_trust(ACCOUNT, REGION, service="lambda.amazonaws.com"),
    ],
    ids=["another account", "another region", "another service"],
)
def test_a_role_that_does_not_trust_this_job_is_refused(emulator: Emulator, trust: list[dict[str, Any]]) -> None:
    emulator.iam.trusts[JOB_ROLE] = list(trust)
    refused(emulator, "ValidationException", "Could not assume provided IAM role")


def test_names_are_used_once_and_a_token_repeats_its_request(emulator: Emulator) -> None:
    job = create(emulator, clientRequestToken="token-1")
    assert create(emulator, clientRequestToken="token-1") == job
    refused(emulator, "ConflictException", "different parameters", clientRequestToken="token-1", jobName="job-2")
    refused(emulator, "ConflictException", "job name is currently in use", customModelName="model-2")
    refused(emulator, "ConflictException", "custom model name is currently in use", jobName="job-2")


def test_an_eleventh_running_job_exceeds_the_quota(emulator: Emulator) -> None:
    for number in range(10):
        create(emulator, jobName=f"job-{number}", customModelName=f"model-{number}")
    refused(emulator, "ServiceQuotaExceededException", "10", jobName="one-more", customModelName="one-more")


def test_a_retired_model_and_another_region_can_be_switched_on(emulator: Emulator, clock: ManualClock) -> None:
    emulator.s3.objects["data/train.jsonl"] = lines(120)
    emulator.admin.offer_everywhere()
    assert run_to_end(emulator, clock, create(emulator, baseModelIdentifier=LLAMA))["status"] == "Completed"
    assert any("/validation_artifacts/" not in name and "step_wise" in name for name in emulator.s3.objects)
    refused(emulator, "ValidationException", "invalid", baseModelIdentifier=HAIKU, jobName="j", customModelName="m")
    emulator.admin.activate(HAIKU)
    create(emulator, baseModelIdentifier=HAIKU, jobName="j", customModelName="m")
    details = emulator.control.get_foundation_model(modelIdentifier=HAIKU)["modelDetails"]
    assert details["modelLifecycle"]["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The file is empty"),
        (lines(7), "must be between 8 and 20000, found 7"),
        (lines() + b"\n{broken", "Line 13 does not conform to JSONL format"),
        (lines() + b'\n{"prompt": "a", "completion": "b"}', "line 13 of s3://data/train.jsonl must follow"),
        (lines() + b"\n" + conversation("Assistant: hi", "b").encode(), 'reserved keyword "Assistant:"'),
        (lines() + b"\n" + conversation("a" * 140_000, "b").encode(), "Maximum input token count"),
    ],
    ids=["empty", "too few", "no JSON", "wrong format", "reserved", "too long"],
)
def test_bad_data_fails_the_job_in_validation(emulator: Emulator, clock: ManualClock, body: bytes, words: str) -> None:
    emulator.s3.objects["data/train.jsonl"] = body
    job = create(emulator)
    clock.advance(2.9)
    assert status(emulator, job) == "InProgress"
    done = run_to_end(emulator, clock, job)
    assert (done["status"], words in done["failureMessage"]) == ("Failed", True), done["failureMessage"]
    assert done["statusDetails"]["validationDetails"]["status"] == "Failed"
    assert done["statusDetails"]["trainingDetails"]["status"] == "NotStarted"
    assert not emulator.control.list_custom_models()["modelSummaries"]


@pytest.mark.parametrize(
    ("unreadable", "unwritable", "words"),
    [
        ("data/train.jsonl", "none", "Could not validate GetObject permissions to access Amazon S3 bucket: data"),
        ("none", "data/out", "Could not validate PutObject permissions"),
    ],
)
def test_a_role_that_cannot_reach_s3_fails_the_job(
    emulator: Emulator, clock: ManualClock, unreadable: str, unwritable: str, words: str
) -> None:
    emulator.s3.unreadable, emulator.s3.unwritable = {unreadable}, {unwritable}
    assert words in run_to_end(emulator, clock, create(emulator))["failureMessage"]


def test_a_stopped_job_is_stopping_and_then_stopped_and_billed_for_what_it_did(
    emulator: Emulator, clock: ManualClock
) -> None:
    job = create(emulator)
    clock.advance(30)
    eventually(lambda: phases(emulator, job)[2] == "InProgress")
    clock.advance(20)
    emulator.control.stop_model_customization_job(jobIdentifier="job-1")
    assert status(emulator, job) == "Stopping"
    eventually(lambda: phases(emulator, job)[2] == "Stopping")
    clock.advance(1)
    eventually(lambda: status(emulator, job) == "Stopped")
    with pytest.raises(ClientError, match="ConflictException"):
        emulator.control.stop_model_customization_job(jobIdentifier=job)
    training = [bill for bill in emulator.admin.ledger().billed_usd if bill.item == "training"]
    assert len(training) == 1
    assert training[0].usd


def test_jobs_and_models_are_listed_by_page_and_filter(emulator: Emulator, clock: ManualClock) -> None:
    for number in range(5):
        create(emulator, jobName=f"job-{number}", customModelName=f"model-{number}")
        clock.advance(0.1)
    pages = emulator.control.get_paginator("list_model_customization_jobs").paginate(PaginationConfig={"PageSize": 2})
    names = [[job["jobName"] for job in page["modelCustomizationJobSummaries"]] for page in pages]
    assert names == [["job-4", "job-3"], ["job-2", "job-1"], ["job-0"]]
    found = emulator.control.list_model_customization_jobs(nameContains="job-3", statusEquals="InProgress")
    assert [job["jobName"] for job in found["modelCustomizationJobSummaries"]] == ["job-3"]
    oldest = emulator.control.list_model_customization_jobs(sortOrder="Ascending", maxResults=1)
    assert oldest["modelCustomizationJobSummaries"][0]["jobName"] == "job-0"
    later = emulator.control.list_model_customization_jobs(creationTimeAfter=clock.now())
    assert not later["modelCustomizationJobSummaries"]
    with pytest.raises(ClientError, match="nextToken"):
        emulator.control.list_model_customization_jobs(nextToken="invented")


def test_a_model_in_use_cannot_be_deleted_and_a_deleted_one_frees_its_name(
    emulator: Emulator, clock: ManualClock
) -> None:
    arn = run_to_end(emulator, clock, create(emulator))["outputModelArn"]
    clock.advance(1)
    emulator.control.create_custom_model_deployment(modelDeploymentName="endpoint", modelArn=arn)
    with pytest.raises(ClientError, match="ConflictException"):
        emulator.control.delete_custom_model(modelIdentifier="model-1")
    clock.advance(10)
    emulator.control.delete_custom_model_deployment(customModelDeploymentIdentifier="endpoint")
    emulator.control.delete_custom_model(modelIdentifier="model-1")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        emulator.control.get_custom_model(modelIdentifier="model-1")
    create(emulator, jobName="job-2")


def test_a_custom_model_can_be_trained_further(emulator: Emulator, clock: ManualClock) -> None:
    parent = run_to_end(emulator, clock, create(emulator))["outputModelArn"]
    clock.advance(1)
    emulator.s3.objects["data/train.jsonl"] = lines(12, start=50)
    job = create(emulator, jobName="job-2", customModelName="model-2", baseModelIdentifier=parent)
    child = run_to_end(emulator, clock, job)["outputModelArn"]
    assert len(emulator.world.state.models[child].pairs) == 24


@pytest.mark.parametrize(
    ("fault", "end", "message"),
    [
        ("reject-data=the words of the test", "Failed", "the words of the test"),
        ("fail-job", "Failed", "Encountered an unexpected error"),
        ("stop-job", "Stopped", ""),
    ],
)
def test_a_fault_ends_the_job_as_asked(
    emulator: Emulator, clock: ManualClock, fault: str, end: str, message: str
) -> None:
    emulator.admin.inject(fault)
    job = create(emulator)
    eventually(lambda: phases(emulator, job)[0] != "NotStarted" or status(emulator, job) == "Failed")
    clock.advance(600)
    eventually(lambda: status(emulator, job) in {"Stopping", "Failed"})
    clock.advance(2)
    eventually(lambda: status(emulator, job) == end)
    assert emulator.control.get_model_customization_job(jobIdentifier=job).get("failureMessage", "").startswith(message)


def test_a_stalled_job_never_starts_to_train_until_somebody_stops_it(emulator: Emulator, clock: ManualClock) -> None:
    emulator.admin.inject("stall-job")
    job = create(emulator)
    clock.advance(60 * 80)
    eventually(lambda: phases(emulator, job) == ["Completed", "Completed", "NotStarted"])
    assert status(emulator, job) == "InProgress"
    emulator.control.stop_model_customization_job(jobIdentifier=job)
    eventually(lambda: emulator.admin.pending_faults() == [])

    def stopped_in_time() -> bool:
        clock.advance(2)
        return status(emulator, job) == "Stopped"

    eventually(stopped_in_time)


def test_metrics_can_be_missing_and_a_model_can_fail(emulator: Emulator, clock: ManualClock) -> None:
    emulator.admin.inject("no-metrics", "model-fails")
    done = run_to_end(emulator, clock, create(emulator))
    assert "trainingMetrics" not in done
    assert not any("metrics.csv" in name for name in emulator.s3.objects)
    clock.advance(2)
    assert emulator.control.get_custom_model(modelIdentifier="model-1")["modelStatus"] == "Failed"


def chat_with_image(uri: str) -> bytes:
    image = {"image": {"format": "png", "source": {"s3Location": {"uri": uri}}}}
    messages = [{"role": "user", "content": [image, {"text": "?"}]}, {"role": "assistant", "content": [{"text": "A."}]}]
    return json.dumps({"schemaVersion": "bedrock-conversation-2024", "messages": messages}).encode()


@pytest.mark.parametrize(("uri", "end"), [("s3://data/here.png", "Completed"), ("s3://data/gone.png", "Failed")])
def test_images_must_be_where_the_records_say(emulator: Emulator, clock: ManualClock, uri: str, end: str) -> None:
    emulator.s3.objects |= {"data/here.png": b"", "data/train.jsonl": lines() + b"\n" + chat_with_image(uri)}
    job = create(emulator, baseModelIdentifier="amazon.nova-lite-v1:0:300k")
    assert run_to_end(emulator, clock, job)["status"] == end


@pytest.mark.parametrize(("size", "end"), [(10_485_760, "Completed"), (10_485_761, "Failed")])
def test_images_must_not_be_larger_than_the_base_model_takes(
    emulator: Emulator, clock: ManualClock, size: int, end: str
) -> None:
    data = lines() + b"\n" + chat_with_image("s3://data/large.png")
    emulator.s3.objects |= {"data/large.png": bytes(size), "data/train.jsonl": data}
    done = run_to_end(emulator, clock, create(emulator, baseModelIdentifier="amazon.nova-lite-v1:0:300k"))
    assert done["status"] == end
    assert ("10485761 bytes" in done.get("failureMessage", "")) is (end == "Failed")


@pytest.mark.parametrize("name", ["train", "validation"])
def test_the_images_of_conversations_must_lie_in_the_bucket_of_the_training_file(
    emulator: Emulator, clock: ManualClock, name: str
) -> None:
    emulator.s3.objects["elsewhere/seen.png"] = b""
    emulator.s3.objects[f"data/{name}.jsonl"] += b"\n" + chat_with_image("s3://elsewhere/seen.png")
    validators = {"validators": [{"s3Uri": "s3://data/validation.jsonl"}]}
    job = create(emulator, baseModelIdentifier="amazon.nova-lite-v1:0:300k", validationDataConfig=validators)
    done = run_to_end(emulator, clock, job)
    assert done["status"] == "Failed"
    assert "s3://elsewhere/seen.png is not in the bucket data" in done["failureMessage"]


def test_the_images_of_captions_may_lie_in_another_bucket(emulator: Emulator, clock: ManualClock) -> None:
    caption = {"image-ref": "s3://elsewhere/seen.png", "caption": "A tent."}
    emulator.s3.objects |= {
        "elsewhere/seen.png": b"",
        "data/train.jsonl": b"\n".join([json.dumps(caption).encode()] * 8),
    }
    emulator.admin.offer_everywhere()
    emulator.admin.activate(CANVAS)
    assert run_to_end(emulator, clock, create(emulator, baseModelIdentifier=CANVAS))["status"] == "Completed"


def record(record_format: str, number: int) -> str:
    prompt, answer = f"What is {number}?", f"It is {number}."
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    records: dict[str, Any] = {
        "prompt_completion": {"prompt": prompt, "completion": answer},
        "anthropic": {"messages": turns},
        "image_caption": {"image-ref": "s3://data/image.png", "caption": answer},
        "text_input": {"input": answer},
    }
    return conversation(prompt, answer) if record_format == "conversation" else json.dumps(records[record_format])


FAMILIES = {
    (row.provider, rules.record_format): (row.id, method)
    for row in base_models().values()
    for method, rules in row.methods.items()
}


@pytest.mark.parametrize(("model", "method"), FAMILIES.values(), ids=["-".join(family) for family in FAMILIES])
def test_every_family_of_the_catalog_can_be_customized_once_it_is_switched_on(
    emulator: Emulator, clock: ManualClock, model: str, method: Method
) -> None:
    rules = base_model(model).methods[method]
    records = [record(rules.record_format, number) for number in range(rules.records.minimum + 4)]
    emulator.s3.objects |= {"data/image.png": b"", "data/train.jsonl": "\n".join(records).encode()}
    emulator.admin.offer_everywhere()
    emulator.admin.activate(model)
    done = run_to_end(emulator, clock, create(emulator, baseModelIdentifier=model, customizationType=method))
    assert (done["status"], done["customizationType"]) == ("Completed", method), done.get("failureMessage")
    clock.advance(1)
    found = emulator.control.list_custom_models(baseModelArnEquals=done["baseModelArn"])["modelSummaries"]
    assert [one["baseModelName"] for one in found] == [model.partition(":")[0]]


def test_a_job_of_an_hour_takes_a_moment_on_a_fast_clock() -> None:
    with running_emulator(Clock(20_000)) as fast:
        fast.s3.objects["data/train.jsonl"] = lines()
        job = create(fast)
        eventually(lambda: status(fast, job) == "Completed")

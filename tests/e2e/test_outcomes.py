"""What a user gets for a drop: promoted, not promoted, rejected, failed, ignored. IAM is enforced throughout."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from tests.e2e.pipeline import EXAMPLE, Execution, Pipeline, finetune
from tests.waiting import eventually

DATASET = (EXAMPLE / "dataset.jsonl").read_bytes()
SETTINGS = yaml.safe_load((EXAMPLE / "settings.yaml").read_text())
EVALUATION = EXAMPLE / "evaluation.jsonl"


@pytest.fixture(autouse=True)
def _no_faults_left(pipeline: Pipeline) -> None:
    pipeline.admin.clear_faults()


def published(pipeline: Pipeline, project: str) -> dict[str, str]:
    name = f"{pipeline.outputs['EndpointParameterPath']}/{project}/endpoint"
    value: dict[str, str] = json.loads(pipeline.cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    return value


def test_a_good_dataset_is_promoted_and_a_better_one_later_takes_over_behind_the_same_endpoint(
    pipeline: Pipeline,
) -> None:
    pipeline.configure("promoted", SETTINGS, EVALUATION)
    half = b"".join(DATASET.splitlines(keepends=True)[:150])
    first = pipeline.drop("promoted/first.jsonl", half)
    assert first.status == "SUCCEEDED"
    assert first.states[-1] == "Model Promoted"
    before = published(pipeline, "promoted")
    assert pipeline.endpoints_of("promoted") == [before["endpoint_arn"]]
    [mail] = pipeline.mails(first)
    assert mail.subject == "Model promoted: promoted"
    assert before["endpoint_arn"] in mail.body
    assert "Prices are those of AWS's price list of " in mail.body
    page = pipeline.file(first, "report.html").decode()
    assert "src=" not in page
    assert json.loads(pipeline.file(first, "evaluation.json"))["decision"] == "promote"

    second = pipeline.drop("promoted/second.jsonl", DATASET)
    assert second.status == "SUCCEEDED"
    assert second.output["evaluation"]["champion_score"] is not None
    assert second.states[-1] == "Model Promoted", second.output["evaluation"]
    after = published(pipeline, "promoted")
    assert after["endpoint_arn"] == before["endpoint_arn"]
    assert after["previous_model_arn"] == before["model_arn"]
    assert pipeline.endpoints_of("promoted") == [before["endpoint_arn"]]


def test_what_the_stack_keeps_and_trains_is_under_its_own_key(pipeline: Pipeline) -> None:
    s3, sns, sqs, bedrock = (pipeline.cloud.client(service) for service in ("s3", "sns", "sqs", "bedrock"))
    keys = {sns.get_topic_attributes(TopicArn=pipeline.outputs["TopicArn"])["Attributes"]["KmsMasterKeyId"]}
    [queue] = sqs.list_queues()["QueueUrls"]
    keys.add(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]["KmsMasterKeyId"])
    for bucket in ("DatasetBucketName", "ArtifactBucketName"):
        [rule] = s3.get_bucket_encryption(Bucket=pipeline.outputs[bucket])["ServerSideEncryptionConfiguration"]["Rules"]
        keys.add(rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"])
    model = published(pipeline, "promoted")["model_arn"]
    keys.add(bedrock.get_custom_model(modelIdentifier=model)["modelKmsKeyArn"])
    assert len(keys) == 1
    assert ":key/mrk-" in keys.pop()


def test_a_broken_dataset_is_refused_with_a_mail_that_names_its_lines(pipeline: Pipeline) -> None:
    run = pipeline.drop("broken/data.jsonl", (EXAMPLE / "broken.jsonl").read_bytes())
    assert (run.status, run.error) == ("FAILED", "DatasetRejected")
    [mail] = pipeline.mails(run)
    for line in (4, 7, 9, 12, 14, 17, 21, 23, 26, 28):
        assert f"line {line}: " in mail.body
    assert pipeline.jobs_of("broken") == []


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"epochs": 3}, "SettingsInvalid", "epochs is not a setting"),
        ({"base_model": "amazon.nova-micro-v2:0"}, "BaseModelUnknown", "did you mean 'amazon.nova-micro-v1:0:128k'?"),
        ({"base_model": "meta.llama2-13b-v1:0:4k"}, "BaseModelRetired", "meta.llama3-3-70b-instruct-v1:0:128k"),
        ({"budget": {"limit_usd": 0.01}}, "BudgetExceeded", "0.01"),
        ({"base_model": "meta.llama3-2-1b-instruct-v1:0:128k"}, "BudgetExceeded", "prices.training_per_1k_tokens"),
    ],
)
def test_settings_that_cannot_be_met_fail_before_anything_is_billed(
    pipeline: Pipeline, settings: dict[str, object], error: str, words: str, request: pytest.FixtureRequest
) -> None:
    project = f"settings-{request.node.callspec.id.split('-')[0].removeprefix('settings')}{error.lower()}"
    pipeline.configure(project, settings)
    run = pipeline.drop(f"{project}/data.jsonl", DATASET)
    assert (run.status, run.error) == ("FAILED", error)
    assert words in (run.cause or "")
    [mail] = pipeline.mails(run)
    assert words in mail.body
    assert pipeline.jobs_of(project) == []


def test_a_failed_job_ends_the_run_with_the_services_own_words(pipeline: Pipeline) -> None:
    pipeline.configure("failing", SETTINGS, EVALUATION)
    pipeline.admin.inject("fail-job")
    run = pipeline.drop("failing/data.jsonl", DATASET)
    assert (run.status, run.error) == ("FAILED", "CustomizationJobFailed")
    assert run.cause is not None
    assert "Encountered an unexpected error" in run.cause
    [mail] = pipeline.mails(run)
    assert mail.subject == "Training failed: failing"
    assert pipeline.endpoints_of("failing") == []


def test_an_aborted_run_stops_its_job_and_is_announced(pipeline: Pipeline) -> None:
    pipeline.configure("stopped", SETTINGS, EVALUATION)
    pipeline.admin.inject("stall-job")
    run = abort(pipeline, "stopped", once=lambda: pipeline.jobs_of("stopped"))
    assert run.status == "ABORTED"
    [mail] = pipeline.mails(run)
    assert mail.subject == "Run stopped: stopped"
    eventually(lambda: status_of_job(pipeline, "stopped") == "Stopped" or None, "the job's end")


def abort(pipeline: Pipeline, project: str, *, once: Callable[[], object]) -> Execution:
    version = pipeline.put(f"incoming/{project}/data.jsonl", DATASET)
    arn = eventually(lambda: pipeline.execution_of(version), "the execution")
    eventually(lambda: once() or None, "the moment to abort")
    pipeline.cloud.client("stepfunctions").stop_execution(executionArn=arn)
    return pipeline.ended(arn)


def status_of_job(pipeline: Pipeline, project: str) -> str:
    return next(job.status for job in pipeline.admin.ledger().jobs if job.name.startswith(project))


@pytest.mark.parametrize("key", ["Größe & Co/a+b %20ü.jsonl", "with space.jsonl", 'quo"te.jsonl'])
def test_any_key_that_s3_takes_names_a_run(pipeline: Pipeline, key: str) -> None:
    run = pipeline.drop(key, b"{}\n")
    assert (run.status, run.error) == ("FAILED", "DatasetRejected")
    [mail] = pipeline.mails(run)
    assert f"/incoming/{key} (version" in mail.body


def test_training_text_stays_out_of_logs_mails_payloads_and_tags(pipeline: Pipeline) -> None:
    canary = "Zwerchfellkanarienvogel"
    lines = [json.loads(line) for line in (EXAMPLE / "worse.jsonl").read_text().splitlines()]
    for index, line in enumerate(lines):
        line["messages"][0]["content"][0]["text"] += f" {canary} {index}"
    pipeline.configure("canary", SETTINGS, EVALUATION)
    body = "\n".join([*map(json.dumps, lines), '{"broken": "' + canary]).encode()
    rejected = pipeline.drop("canary/broken.jsonl", body)
    accepted = pipeline.drop("canary/data.jsonl", "\n".join(map(json.dumps, lines)).encode())
    assert (rejected.status, accepted.status) == ("FAILED", "SUCCEEDED")
    said = [*pipeline.cloud.logs().values(), *(mail.body for mail in pipeline.cloud.mails())]
    said += [json.dumps(execution.events, default=str) for execution in (rejected, accepted)]
    said += [json.dumps(endpoint.tags) for endpoint in pipeline.admin.ledger().endpoints]
    assert not [text for text in said if canary in text]
    payloads = [json.dumps(event, default=str) for event in accepted.events]
    assert max(map(len, payloads)) < 64 * 1024


def test_the_command_tells_of_each_way_to_end_what_the_history_tells(pipeline: Pipeline) -> None:
    pipeline.drop("told/data.jsonl", (EXAMPLE / "broken.jsonl").read_bytes())
    listed = json.loads(finetune(pipeline, "runs", "--most", "1000", "--json").stdout)["result"]["runs"]
    by_verdict = {each["verdict"]: each for each in listed if not each["going"]}
    assert "DatasetRejected" in by_verdict
    for verdict, each in by_verdict.items():
        run = pipeline.ended(each["execution"])
        shown = json.loads(finetune(pipeline, "show", each["run"], "--json").stdout)["result"]
        assert [state["state"] for state in shown["states"]] == list(dict.fromkeys(run.states))
        assert verdict in {run.error, "promoted", "not better", "inconclusive", "nothing new", "stopped", "timed out"}
        assert (verdict == "promoted") == (run.states[-1] == "Model Promoted")
        assert (verdict == "stopped") == (run.status == "ABORTED")

"""The emulator inside the local cloud: real roles and their policies, real S3 as the job's role, real functions."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.bedrock.admin import Admin
from local.cloud import Cloud
from tests.waiting import eventually

ACCOUNT, REGION = "000000000000", "us-east-1"
NOVA = "amazon.nova-micro-v1:0:128k"
ASK_BEDROCK = """
import boto3

def handler(event, context):
    client = boto3.client("bedrock")
    try:
        return getattr(client, event["call"])(**event["with"])["ResponseMetadata"]["HTTPStatusCode"]
    except client.exceptions.ClientError as error:
        return str(error)
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud.start(tmp_path_factory.mktemp("cloud"), 20_000) as running:
        bucket = running.client("s3")
        bucket.create_bucket(Bucket="data")
        bucket.put_object(Bucket="data", Key="train.jsonl", Body=training_file())
        yield running


def training_file() -> bytes:
    turns = [[("user", f"What is number {n}?"), ("assistant", f"It is {n}.")] for n in range(10)]
    records = [{"messages": [{"role": r, "content": [{"text": t}]} for r, t in turn]} for turn in turns]
    return "\n".join(map(json.dumps, records)).encode()


def job_role(cloud: Cloud, name: str, *actions: str) -> str:
    condition = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock:{REGION}:{ACCOUNT}:model-customization-job/*"},
    }
    trust = {"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:s3:::data/*"}
    iam = cloud.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document({**trust, "Condition": condition}))
    iam.put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=document(allowed))
    return str(arn["Role"]["Arn"])


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def run_job(cloud: Cloud, name: str, role: str) -> Any:
    bedrock = cloud.client("bedrock")
    bedrock.create_model_customization_job(
        jobName=name,
        customModelName=name,
        roleArn=role,
        baseModelIdentifier=NOVA,
        trainingDataConfig={"s3Uri": "s3://data/train.jsonl"},
        outputDataConfig={"s3Uri": f"s3://data/{name}"},
    )

    def ended() -> Any:
        job = bedrock.get_model_customization_job(jobIdentifier=name)
        return job if job["status"] != "InProgress" else None

    return eventually(ended)


def test_a_job_reads_and_writes_with_its_own_role(cloud: Cloud) -> None:
    job = run_job(cloud, "good", job_role(cloud, "good", "s3:GetObject", "s3:PutObject"))
    assert job["status"] == "Completed", job.get("failureMessage")
    written = cloud.client("s3").list_objects_v2(Bucket="data", Prefix="good/")["Contents"]
    assert any(one["Key"].endswith("step_wise_training_metrics.csv") for one in written)


@pytest.mark.parametrize("missing", ["GetObject", "PutObject"])
def test_a_job_whose_role_lacks_a_permission_fails(cloud: Cloud, missing: str) -> None:
    actions = {"s3:GetObject", "s3:PutObject"} - {f"s3:{missing}"}
    name = f"without-{missing.lower()}"
    job = run_job(cloud, name, job_role(cloud, name, *actions))
    assert job["status"] == "Failed"
    assert job["failureMessage"].startswith(f"Could not validate {missing} permissions")


def test_a_function_may_do_in_bedrock_what_its_role_allows(cloud: Cloud, workbench: Any) -> None:
    allowed = {"Effect": "Allow", "Action": "bedrock:ListCustomModels", "Resource": "*"}
    function = workbench.function(ASK_BEDROCK, allowed)
    assert workbench.invoke(function, {"call": "list_custom_models", "with": {}}) == (None, 200)
    error, answer = workbench.invoke(function, {"call": "get_custom_model", "with": {"modelIdentifier": "good"}})
    assert error is None
    assert "AccessDeniedException" in answer
    assert "is not authorized to perform: bedrock:GetCustomModel" in answer
    assert cloud.bedrock_endpoint is not None
    assert Admin(cloud.bedrock_endpoint).requests()[-1].caller.startswith(f"arn:aws:iam::{ACCOUNT}:role/role-")

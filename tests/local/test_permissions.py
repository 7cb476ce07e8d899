"""IAM is enforced: a function and a state machine may do what their own role allows, and nothing else."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from local.cloud import Cloud
from tests.local.conftest import Workbench

BUCKET, ENCRYPTED = "permissions", "encrypted"
CALL = """
import boto3, botocore.exceptions
def handler(event, context):
    client = boto3.client(event["service"])
    try:
        getattr(client, event["call"])(**event["with"])
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""


@dataclass(frozen=True)
class Attempt:
    """A call, and whether the role of the function allows it."""

    service: str
    call: str
    arguments: dict[str, Any]
    allowed: bool


def allow(action: str | list[str], resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


THROUGH_S3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
STATEMENTS = (
    allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{ENCRYPTED}/*"),
    allow("kms:Decrypt", "*", Condition=THROUGH_S3),
    allow("sns:Publish", "arn:aws:sns:us-east-1:000000000000:secret"),
    allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{BUCKET}/runs/*"),
    allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}", Condition={"StringLike": {"s3:prefix": "runs/*"}}),
    allow(["ssm:PutParameter", "ssm:GetParameter"], "arn:aws:ssm:us-east-1:000000000000:parameter/fine/*"),
    allow("sns:Publish", "arn:aws:sns:us-east-1:000000000000:told"),
)

ATTEMPTS = [
    Attempt("s3", "put_object", {"Bucket": BUCKET, "Key": "runs/a", "Body": "x"}, True),
    Attempt("s3", "put_object", {"Bucket": BUCKET, "Key": "incoming/a", "Body": "x"}, False),
    Attempt("s3", "get_object", {"Bucket": BUCKET, "Key": "runs/there"}, True),
    Attempt("s3", "get_object", {"Bucket": BUCKET, "Key": "incoming/there"}, False),
    Attempt("s3", "delete_object", {"Bucket": BUCKET, "Key": "runs/there"}, False),
    Attempt("s3", "list_objects_v2", {"Bucket": BUCKET, "Prefix": "runs/x"}, True),
    Attempt("s3", "list_objects_v2", {"Bucket": BUCKET, "Prefix": "incoming/"}, False),
    Attempt("s3", "list_objects_v2", {"Bucket": BUCKET}, False),
    # What a key encrypts needs the key: this role may decrypt through S3 and nothing else.
    Attempt("s3", "get_object", {"Bucket": ENCRYPTED, "Key": "there"}, True),
    Attempt("s3", "put_object", {"Bucket": ENCRYPTED, "Key": "a", "Body": "x"}, False),
    Attempt("sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:000000000000:secret", "Message": "x"}, False),
    Attempt("ssm", "put_parameter", {"Name": "/fine/a", "Value": "x", "Type": "String", "Overwrite": True}, True),
    Attempt("ssm", "put_parameter", {"Name": "/other/a", "Value": "x", "Type": "String", "Overwrite": True}, False),
    Attempt("ssm", "get_parameter", {"Name": "/fine/there"}, True),
    Attempt("ssm", "get_parameter", {"Name": "/other/there"}, False),
    Attempt("sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:000000000000:told", "Message": "x"}, True),
    Attempt("sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:000000000000:untold", "Message": "x"}, False),
]


@pytest.fixture(scope="module", autouse=True)
def resources(cloud: Cloud) -> None:
    """What the calls are made on."""
    s3, ssm, sns, kms = (cloud.client(service) for service in ("s3", "ssm", "sns", "kms"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=ENCRYPTED)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=ENCRYPTED,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    s3.put_object(Bucket=ENCRYPTED, Key="there", Body=b"x")
    sns.create_topic(Name="secret", Attributes={"KmsMasterKeyId": key})
    s3.create_bucket(Bucket=BUCKET)
    for folder in ("runs", "incoming"):
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/there", Body=b"x")
    for folder in ("fine", "other"):
        ssm.put_parameter(Name=f"/{folder}/there", Value="x", Type="String")
    for name in ("told", "untold"):
        sns.create_topic(Name=name)


@pytest.fixture(scope="module", params=["own policy", "managed policy"])
def caller(cloud: Cloud, workbench: Workbench, request: pytest.FixtureRequest) -> str:
    """A function that makes the call it is asked to make, with permissions of its role's own or of a shared policy."""
    if request.param == "own policy":
        return workbench.function(CALL, *STATEMENTS)
    iam, role = cloud.client("iam"), workbench.role("lambda.amazonaws.com")
    document = json.dumps({"Version": "2012-10-17", "Statement": STATEMENTS})
    policy = iam.create_policy(PolicyName="shared", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=policy)
    return workbench.function(CALL, Role=role)


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: f"{attempt.call}-{attempt.allowed}")
def test_a_function_may_do_what_its_role_allows(workbench: Workbench, caller: str, attempt: Attempt) -> None:
    event = {"service": attempt.service, "call": attempt.call, "with": attempt.arguments}

    _, answer = workbench.invoke(caller, event)

    assert (answer == "allowed") == attempt.allowed
    assert attempt.allowed or answer.startswith(("AccessDenied", "AuthorizationError")), answer


def test_a_function_whose_role_does_not_trust_lambda_does_not_run(workbench: Workbench) -> None:
    function = workbench.function("def handler(event, context): return 1", Role=workbench.role("states.amazonaws.com"))

    kind, payload = workbench.invoke(function)

    assert (kind, payload["errorType"]) == ("Unhandled", "AccessDeniedException")


def test_a_state_machine_may_invoke_only_what_its_role_allows(workbench: Workbench) -> None:
    mine, other = (workbench.function("def handler(event, context): return 1") for _ in range(2))
    outcomes = []
    for function in (mine, other):
        task = {"Type": "Task", "Resource": function, "End": True}
        machine = workbench.state_machine({"StartAt": "A", "States": {"A": task}}, allow("lambda:InvokeFunction", mine))
        execution = workbench.finished(workbench.start(machine))
        outcomes.append((execution["status"], execution.get("error")))

    assert outcomes == [("SUCCEEDED", None), ("FAILED", "Lambda.AWSLambdaException")]

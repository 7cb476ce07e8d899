"""What tests of finetune.aws work on: the Bedrock emulator on a clock that stands still, AWS in memory beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from tests.emulator import ManualClock, running_emulator
from tests.examined import Patient, healthy
from tests.integration.deployed import Deployed
from tests.integration.fakes import MemoryBucket, MemoryExecutions, Stack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def stack() -> Iterator[Stack]:
    clock = ManualClock()
    with running_emulator(clock) as emulator:
        yield Stack(emulator, clock)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    """S3 with the stack's two buckets, versioned."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for name in ("artifacts", "datasets"):
            client.create_bucket(Bucket=name)
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def bucket(stack: Stack) -> MemoryBucket:
    return stack.bucket


@pytest.fixture
def executions(stack: Stack) -> MemoryExecutions:
    return stack.executions


@pytest.fixture
def deployed(stack: Stack, bucket: MemoryBucket, executions: MemoryExecutions) -> Deployed:
    return Deployed(stack, bucket, executions)


@pytest.fixture(scope="module")
def one_patient() -> Iterator[Patient]:
    with healthy() as found:
        yield found


@pytest.fixture
def patient(one_patient: Patient) -> Iterator[Patient]:
    """An account in which everything is right, also after a test that broke something."""
    yield one_patient
    one_patient.recover()

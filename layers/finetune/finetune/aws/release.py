"""Ending what costs money: a run's jobs and endpoints by their names, and endpoints nobody owns by their tags."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import ClientError

from finetune.aws import customization, endpoints, publication, serving, storage
from finetune.aws.endpoints import Tagged
from finetune.aws.tags import LEASE_TAG, PROJECT_TAG, RUN_TAG, STACK_TAG
from finetune.aws.translation import code_of, translated
from finetune.contracts import Endpoint, Run
from finetune.domain.customization.jobs import lease_is_over
from finetune.errors import EndpointBusy, FineTuneError

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient


# A rollback looks at the endpoint and then asks its model for at most an hour each.
ROLLBACK_BOUND = timedelta(hours=3)


class Attempts:
    """Does every part of a clean-up although some fail, and raises the first failure in the end."""

    def __init__(self) -> None:
        self._failures: list[FineTuneError] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """One part."""
        try:
            yield
        except FineTuneError as error:
            self._failures.append(error)

    def conclude(self) -> None:
        """Raise the first failure; one that only asks to wait comes last."""
        for error in sorted(self._failures, key=lambda each: isinstance(each, EndpointBusy)):
            raise error


def release_run(bedrock: BedrockClient, ssm: SSMClient, run: Run, *, stack: str) -> list[str]:
    """End what a run still pays for and undo what it did not finish; returns the names of what was stopped or deleted.

    Stops the run's jobs, deletes its endpoints unless one is in service, and puts the published model back if the run
    had begun to change it.
    """
    attempts, ended = Attempts(), []
    for candidate in run.candidates:
        with attempts.one():
            ended += [candidate.name] if customization.stop_job(bedrock, candidate.name) else []
    with attempts.one():
        published = publication.read(ssm, stack, run.slug)
        for found in endpoints.opened_by(bedrock, run):
            with attempts.one():
                if published is None or published.endpoint_arn != found.endpoint.arn:
                    ended += [found.endpoint.arn] if endpoints.release(bedrock, found.endpoint) else []
        if published and published.swap and published.swap.execution_arn == run.execution_arn:
            serving.undo_swap(bedrock, ssm, stack, run.slug, published)
    attempts.conclude()
    return ended


class Sweep:
    """One look at the whole stack; `released` are the ARNs of the endpoints that went."""

    def __init__(
        self, bedrock: BedrockClient, ssm: SSMClient, s3: S3Client, stepfunctions: SFNClient, *, stack: str, bucket: str
    ) -> None:
        self._bedrock, self._ssm, self._s3, self._stepfunctions = bedrock, ssm, s3, stepfunctions
        self._stack, self._bucket = stack, bucket
        self.checked = 0
        self.released: list[str] = []

    def endpoints(self, attempts: Attempts) -> None:
        """Delete the stack's endpoints that are neither in service nor of a running execution."""
        for endpoint in endpoints.all_endpoints(self._bedrock):
            with attempts.one():
                self._look_at(endpoint)

    def _look_at(self, endpoint: Endpoint) -> None:
        found = endpoints.tagged(self._bedrock, endpoint)
        if found is None or found.tags.get(STACK_TAG) != self._stack:
            return
        self.checked += 1
        slug = found.tags.get(PROJECT_TAG, "")
        published = publication.read(self._ssm, self._stack, slug)
        if published and published.endpoint_arn == endpoint.arn:
            self._finish_swap(slug, published, found.as_of)
        elif self._ownerless(found) and _released(self._bedrock, endpoint):
            self.released.append(endpoint.arn)

    def _finish_swap(self, slug: str, published: publication.Published, now: datetime) -> None:
        if published.swap and self._given_up(published.swap, now):
            try:
                serving.undo_swap(self._bedrock, self._ssm, self._stack, slug, published)
            except EndpointBusy:
                # It takes minutes; the next sweep looks again.
                return

    def _given_up(self, swap: publication.Swap, now: datetime) -> bool:
        if swap.execution_arn is None:
            return now - swap.begun > ROLLBACK_BOUND
        return not is_running(self._stepfunctions, swap.execution_arn)

    def _ownerless(self, found: Tagged) -> bool:
        if lease_is_over(found.tags, lease_tag=LEASE_TAG, now=found.as_of):
            return True
        run = f"s3://{self._bucket}/runs/{found.tags.get(PROJECT_TAG)}/{found.tags.get(RUN_TAG)}/run.json"
        claim = storage.read(self._s3, run)
        return claim is None or not is_running(self._stepfunctions, orjson.loads(claim)["execution_arn"])


def _released(bedrock: BedrockClient, endpoint: Endpoint) -> bool:
    try:
        return endpoints.release(bedrock, endpoint)
    except EndpointBusy:
        # It is Creating or Updating; the next sweep finds it again.
        return False


def is_running(stepfunctions: SFNClient, execution_arn: str) -> bool:
    """Whether an execution is still going; one that Step Functions has forgotten is not."""
    with translated(f"looking at {execution_arn}"):
        try:
            return stepfunctions.describe_execution(executionArn=execution_arn)["status"] == "RUNNING"
        except ClientError as error:
            if code_of(error) == "ExecutionDoesNotExist":
                return False
            raise

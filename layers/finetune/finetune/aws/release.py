"""Ending what costs money: a run's jobs and endpoints by their names, and endpoints nobody owns by their tags."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from finetune.aws import customization, endpoints, publication, runs, serving, spending
from finetune.aws.publication import Published
from finetune.contracts import ReleaseEndpointOutput
from finetune.errors import EndpointBusy, FineTuneError
from finetune.parts import Endpoint
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


class Attempts:
    """Does every part of a clean-up although some fail, and raises the first failure in the end."""

    def __init__(self) -> None:
        self._failures: list[FineTuneError] = []

    @contextmanager
    def one(self, failing: type[FineTuneError] = FineTuneError) -> Iterator[None]:
        """One part, which may fail with such an error."""
        try:
            yield
        except failing as error:
            self._failures.append(error)

    def conclude(self) -> None:
        """Raise the first failure; one that only asks to wait comes last."""
        for error in sorted(self._failures, key=lambda each: isinstance(each, EndpointBusy)):
            raise error


def release_run(
    bedrock: BedrockClient, ssm: SSMClient, s3: S3Client, run: Run, *, stack: str, keep: Endpoint | None = None
) -> ReleaseEndpointOutput:
    """End what a run still pays for and undo what it did not finish.

    Stops the run's jobs, deletes its endpoints unless one is in service, and puts the published model back if the run
    had begun to change it. A run that goes on has an endpoint to `keep`: only throughput beside it is deleted.
    """
    attempts, ended, promotion = Attempts(), list[str](), None
    for candidate in run.candidates:
        with attempts.one():
            ended += [candidate.name] if customization.stop_job(bedrock, candidate.name) else []
    with attempts.one():
        published = publication.read(ssm, stack, run.slug)
        if published and published.run_id == run.run_id:
            promotion = publication.told(stack, run.slug, published)
        for found in endpoints.opened_by(bedrock, run):
            if keep and (found.endpoint.kind == "on_demand" or found.endpoint.arn == keep.arn):
                continue
            with attempts.one():
                if not may_be_in_service(s3, published, found.endpoint, run.folder):
                    ended += [found.endpoint.arn] if spending.delete_endpoint(bedrock, s3, found, run.folder) else []
        if published and published.swap and published.swap.execution_arn == run.execution_arn:
            serving.undo_swap(bedrock, ssm, stack, run.slug, published)
    attempts.conclude()
    return ReleaseEndpointOutput(released=tuple(ended), promotion=promotion)


def may_be_in_service(s3: S3Client, published: Published | None, endpoint: Endpoint, folder: str) -> bool:
    """Whether applications may be using an endpoint: it is the published one, or was and the parameter has gone.

    A parameter that is missing is not enough to delete what is in production.
    """
    if published:
        return published.endpoint_arn == endpoint.arn
    return runs.was_published(s3, folder)

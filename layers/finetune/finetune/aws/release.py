"""Ending what costs money: a run's jobs and endpoints by their names, and endpoints nobody owns by their tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import orjson

from finetune.aws import customization, endpoints, executions, publication, runs, serving, storage, tags
from finetune.aws.endpoints import Found, Tagged
from finetune.aws.executions import Execution
from finetune.aws.publication import Published, Swap
from finetune.aws.tags import EXECUTION_TAG, LEASE_TAG, PROJECT_TAG, RUN_TAG, STACK_TAG
from finetune.contracts import Endpoint, ReleaseEndpointOutput, Run
from finetune.domain.customization.jobs import lease_is_over
from finetune.errors import EndpointBusy, FineTuneError, ParameterMissing

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient


# A rollback looks at the endpoint and then asks its model for at most an hour each.
ROLLBACK_BOUND = timedelta(hours=3)
# What is left of a run that ended lately was under way or still Creating, and its mail told so; later it is an alarm.
OVERDUE = timedelta(hours=1)
Over = Literal["lately", "long ago"]


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


def release_run(bedrock: BedrockClient, ssm: SSMClient, s3: S3Client, run: Run, *, stack: str) -> ReleaseEndpointOutput:
    """End what a run still pays for and undo what it did not finish.

    Stops the run's jobs, deletes its endpoints unless one is in service, and puts the published model back if the run
    had begun to change it.
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
            with attempts.one():
                if not _may_be_in_service(s3, published, found.endpoint, run.folder):
                    ended += [found.endpoint.arn] if endpoints.release(bedrock, found.endpoint) else []
        if published and published.swap and published.swap.execution_arn == run.execution_arn:
            serving.undo_swap(bedrock, ssm, stack, run.slug, published)
    attempts.conclude()
    return ReleaseEndpointOutput(released=tuple(ended), promotion=promotion)


def _may_be_in_service(s3: S3Client, published: Published | None, endpoint: Endpoint, folder: str) -> bool:
    """Whether applications may be using an endpoint: it is the published one, or was and the parameter has gone.

    A parameter that is missing is not enough to delete what is in production.
    """
    if published:
        return published.endpoint_arn == endpoint.arn
    return runs.was_published(s3, folder)


class Sweep:
    """One look at the whole stack.

    `released` are the names of the jobs that were stopped and the ARNs of the endpoints that went, `overdue` those of
    them that should have gone long before, `restored` the endpoints that get their published model back. `known` are
    the executions as they were listed.
    """

    def __init__(
        self,
        bedrock: BedrockClient,
        ssm: SSMClient,
        s3: S3Client,
        stepfunctions: SFNClient,
        *,
        stack: str,
        bucket: str,
        known: Mapping[str, Execution],
    ) -> None:
        self._bedrock, self._ssm, self._s3, self._stepfunctions = bedrock, ssm, s3, stepfunctions
        self._stack, self._bucket, self._known = stack, bucket, known
        self.checked = 0
        self.released: list[str] = []
        self.overdue: list[str] = []
        self.restored: list[str] = []

    def jobs(self, attempts: Attempts) -> None:
        """Stop the stack's jobs whose execution has ended."""
        with attempts.one():
            for name, arn in customization.jobs_in_progress(self._bedrock):
                with attempts.one():
                    self._look_at_job(name, arn)

    def _look_at_job(self, name: str, arn: str) -> None:
        found = tags.read(self._bedrock, arn)
        if found is None or found[0].get(STACK_TAG) != self._stack:
            return
        self.checked += 1
        over = self._over(self._owner(found[0]))
        if over and customization.stop_job(self._bedrock, name):
            self._note(name, over)

    def endpoints(self, attempts: Attempts) -> None:
        """Delete the stack's endpoints that are neither in service nor of a running execution."""
        for endpoint in endpoints.all_endpoints(self._bedrock):
            with attempts.one():
                self._look_at(endpoint)

    def _look_at(self, endpoint: Endpoint) -> None:
        tagged = endpoints.tagged(self._bedrock, endpoint)
        if tagged is None or tagged.tags.get(STACK_TAG) != self._stack:
            return
        self.checked += 1
        slug = tagged.tags.get(PROJECT_TAG, "")
        # The endpoint first: whoever changes its model writes that down before.
        found = endpoints.find(self._bedrock, endpoint.kind, endpoint.arn)
        published = publication.read(self._ssm, self._stack, slug)
        if published and published.endpoint_arn == endpoint.arn:
            self._restore(slug, published, found, tagged.as_of)
        elif _may_be_in_service(self._s3, published, endpoint, self._folder(tagged.tags)):
            raise ParameterMissing(
                f"The parameter {publication.parameter_name(self._stack, slug)} is missing, but {endpoint.arn} was "
                "published there, so it is kept. Put the parameter back, or delete the endpoint yourself."
            )
        elif (over := self._ownerless(tagged)) and _released(self._bedrock, endpoint):
            self._note(endpoint.arn, over)

    def _note(self, name: str, over: Over) -> None:
        self.released.append(name)
        if over == "long ago":
            self.overdue.append(name)

    def _restore(self, slug: str, published: Published, found: Found | None, now: datetime) -> None:
        """Let the published model answer again where another does, or where somebody gave up changing it."""
        astray = found is not None and not found.updating and found.model_arn != published.model_arn
        if self._given_up(published.swap, now) if published.swap else astray:
            try:
                serving.undo_swap(self._bedrock, self._ssm, self._stack, slug, published)
            except EndpointBusy:
                # It takes minutes; the next sweep looks again.
                self.restored.append(published.endpoint_arn)

    def _given_up(self, swap: Swap, now: datetime) -> bool:
        if swap.execution_arn is None:
            return now - swap.begun > ROLLBACK_BOUND
        return self._over(swap.execution_arn) is not None

    def _ownerless(self, found: Tagged) -> Over | None:
        if lease_is_over(found.tags, lease_tag=LEASE_TAG, now=found.as_of):
            return "long ago"
        return self._over(self._owner(found.tags))

    def _folder(self, given: Mapping[str, str]) -> str:
        return f"s3://{self._bucket}/runs/{given.get(PROJECT_TAG)}/{given.get(RUN_TAG)}"

    def _owner(self, given: Mapping[str, str]) -> str | None:
        """The execution that made a resource, from its tags or from the claim of its run; None when neither tells."""
        if execution_arn := given.get(EXECUTION_TAG):
            return execution_arn
        claim = storage.read(self._s3, f"{self._folder(given)}/run.json")
        return str(orjson.loads(claim)["execution_arn"]) if claim else None

    def _over(self, execution_arn: str | None) -> Over | None:
        """Since when an execution and all its functions have ended, if they have.

        One that is neither listed nor found has; of one that nobody can name it is not known.
        """
        if execution_arn is None or ((listed := self._known.get(execution_arn)) and listed.running):
            return None
        found = executions.look(self._stepfunctions, execution_arn)
        if found is None:
            return None if listed else "long ago"
        if not found.quiet or found.stopped is None:
            return None
        return "lately" if found.as_of - found.stopped < OVERDUE else "long ago"


def _released(bedrock: BedrockClient, endpoint: Endpoint) -> bool:
    try:
        return endpoints.release(bedrock, endpoint)
    except EndpointBusy:
        # It is Creating or Updating; the next sweep finds it again.
        return False

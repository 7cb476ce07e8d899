"""The last line of defence: what every other one missed, found by looking at everything there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from finetune import notices
from finetune.aws import (
    customization,
    endpoints,
    executions,
    mail,
    publication,
    refusals,
    runs,
    serving,
    spending,
    starts,
    tags,
)
from finetune.aws.clean_up import CleanUp
from finetune.aws.endpoints import Found, Tagged
from finetune.aws.executions import Execution
from finetune.aws.publication import Published, Swap
from finetune.aws.release import Attempts, may_be_in_service
from finetune.aws.retention import ModelSweep
from finetune.aws.tags import EXECUTION_TAG, LEASE_TAG, PROJECT_TAG, RUN_TAG
from finetune.contracts import SweepEndpointsOutput
from finetune.domain.customization.jobs import lease_is_over
from finetune.environment import SweepEnvironment
from finetune.errors import EndpointBusy, ParameterMissing
from finetune.parts import Endpoint

# Mails are kept for 30 days at least, so it is known of every ending since whether its mail went out.
LOOK_BACK = timedelta(days=29)
# A rollback looks at the endpoint and then asks its model for at most an hour each.
ROLLBACK_BOUND = timedelta(hours=3)
# What is left of a run that ended lately was under way or still Creating, and its mail told so; later it is an alarm.
OVERDUE = timedelta(hours=1)
Over = Literal["lately", "long ago"]


def sweep(clean_up: CleanUp, environment: SweepEnvironment) -> SweepEndpointsOutput:
    """Do what every other line of defence missed.

    Send the mails that were written down but not sent, and those about drops that were refused together, start what
    could not be started, clean up after every ended execution that nobody was told of, stop jobs and delete endpoints
    without an owner and mail that. Once a day, delete the models whose time is over. If one part fails the others are
    still done; its error is raised at the end, for the alarm.
    """
    bucket, topic_arn, attempts, sent = environment.ARTIFACT_BUCKET, environment.TOPIC_ARN, Attempts(), 0
    s3, sns = clean_up.s3, clean_up.sns
    with attempts.one():
        for name in mail.unsent(s3, bucket):
            with attempts.one():
                sent += mail.send(s3, sns, bucket=bucket, topic_arn=topic_arn, name=name)
    with attempts.one():
        sent += refusals.tell(s3, sns, bucket, topic_arn)
    with attempts.one():
        for uri in starts.waiting(s3, environment):
            with attempts.one():
                starts.start_late(clean_up.stepfunctions, s3, sns, uri, environment)
    listed: dict[str, Execution] | None = None
    with attempts.one():
        listed = executions.all_of(clean_up.stepfunctions, environment.STATE_MACHINE_ARN)
        told = set(mail.all_sent(s3, bucket))
        for execution in listed.values():
            if _is_due(execution) and mail.name_of(execution.arn, execution.redrives) not in told:
                with attempts.one():
                    sent += clean_up.untold(execution)
    swept = Sweep(clean_up, known=listed)
    swept.jobs(attempts)
    with attempts.one():
        swept.endpoints(attempts)
    deleted: tuple[str, ...] = ()
    with attempts.one():
        models = ModelSweep(clean_up.bedrock, clean_up.ssm, s3, environment.STACK_NAME, bucket)
        if listed is not None and models.is_due():
            deleted = models.look(listed, attempts)
    if swept.overdue:
        with attempts.one():
            mail.publish(sns, topic_arn, notices.swept(environment.STACK_NAME, swept.overdue))
    attempts.conclude()
    return SweepEndpointsOutput(
        checked=swept.checked, released=tuple(swept.released), mails_sent=sent, deleted_models=deleted
    )


def _is_due(execution: Execution) -> bool:
    return not execution.running and execution.stopped is not None and execution.as_of - execution.stopped < LOOK_BACK


class Sweep:
    """One look at the whole stack.

    `released` are the names of the jobs that were stopped and the ARNs of the endpoints that went, `overdue` those of
    them that should have gone long before, `restored` the endpoints that get their published model back. `known` are
    the executions as they were listed, None where they could not be.
    """

    def __init__(self, by: CleanUp, *, known: Mapping[str, Execution] | None) -> None:
        self._bedrock, self._ssm, self._s3, self._stepfunctions = by.bedrock, by.ssm, by.s3, by.stepfunctions
        self._stack, self._bucket = by.environment.STACK_NAME, by.environment.ARTIFACT_BUCKET
        self._known = known
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
        if found is None or not tags.is_own(name, found[0], self._stack):
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
        if tagged is None or not tags.is_own(endpoint.name, tagged.tags, self._stack):
            return
        self.checked += 1
        slug = tagged.tags.get(PROJECT_TAG, "")
        # The endpoint first: whoever changes its model writes that down before.
        found = endpoints.find(self._bedrock, endpoint.kind, endpoint.arn)
        published = publication.read(self._ssm, self._stack, slug)
        if published and published.endpoint_arn == endpoint.arn:
            self._restore(slug, published, found, tagged.as_of)
        elif may_be_in_service(self._s3, published, endpoint, self._folder(tagged.tags)):
            raise ParameterMissing(
                f"The parameter {publication.parameter_name(self._stack, slug)} is missing, but {endpoint.arn} was "
                "published there, so it is kept. Put the parameter back, or delete the endpoint yourself."
            )
        elif found and (over := self._ownerless(tagged)) and self._released(found, self._folder(tagged.tags)):
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
        return runs.claimant(self._s3, f"{self._folder(given)}/run.json")

    def _over(self, execution_arn: str | None) -> Over | None:
        """Since when an execution and all its functions have ended, if they have.

        One that is neither listed nor found has; of one that nobody can name, or that was not found while none could
        be listed, it is not known.
        """
        listed = (self._known or {}).get(execution_arn or "")
        if execution_arn is None or (listed and listed.running):
            return None
        found = executions.look(self._stepfunctions, execution_arn)
        if found is None:
            return None if listed or self._known is None else "long ago"
        if not found.quiet or found.stopped is None:
            return None
        return "lately" if found.as_of - found.stopped < OVERDUE else "long ago"

    def _released(self, found: Found, folder: str) -> bool:
        try:
            return spending.delete_endpoint(self._bedrock, self._s3, found, folder)
        except EndpointBusy:
            # It is Creating or Updating; the next sweep finds it again.
            return False

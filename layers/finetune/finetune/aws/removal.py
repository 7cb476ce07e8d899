"""What is deleted with a project, a run, a model or a whole stack: planned anew until nothing of it is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from finetune.aws import (
    billed,
    clients,
    customization,
    endpoints,
    executions,
    ownership,
    publication,
    retention,
    spending,
    trained,
)
from finetune.aws.billed import Account, Billed
from finetune.aws.executions import Execution
from finetune.aws.release import Attempts
from finetune.aws.tags import PROJECT_TAG, RUN_TAG
from finetune.domain.billing.retention import StoredModel
from finetune.domain.customization.projects import slugs_meant, two_meant
from finetune.environment import StartEnvironment
from finetune.errors import EndpointBusy, ServiceBusy
from finetune.frozen import Frozen
from finetune.letter import of_stack

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

_RUN = r"\d{8}-\d{6}-[0-9a-f]{8}"
IN_SERVICE = "it is in service; only `finetune delete {project}{stack}` deletes it, with the project"


@dataclass(frozen=True, slots=True)
class Removing:
    """What a removal acts through, and the stack that it acts on; a function may not list parameters."""

    bedrock: BedrockClient
    ssm: SSMClient
    s3: S3Client
    stepfunctions: SFNClient
    stack: str
    machine_arn: str
    bucket: str
    one_by_one: bool = False

    @classmethod
    def within(cls, environment: StartEnvironment) -> Self:
        """One that acts through the clients of this process."""
        return cls(
            bedrock=clients.bedrock(),
            ssm=clients.ssm(),
            s3=clients.s3(),
            stepfunctions=clients.stepfunctions(),
            stack=environment.STACK_NAME,
            machine_arn=environment.STATE_MACHINE_ARN,
            bucket=environment.ARTIFACT_BUCKET,
            one_by_one=True,
        )


class Target(Frozen):
    """A model, a run or a project that is to be removed; none of them means the whole stack without its models.

    A project is named as a person says it, by its name or its slug; `slugs` are those that are meant by it, if that was
    looked up.
    """

    model: str | None = None
    run: str | None = None
    project: str | None = None
    slugs: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether what is in service goes too."""
        return self.model is None and self.run is None

    def has(self, slug: str, run: str) -> bool:
        """Whether something of a project and a run is meant."""
        return self.of(slug) and self.run in {None, run}

    def of(self, slug: str) -> bool:
        """Whether a project is meant, among others or alone."""
        return self.project is None or slug in (self.slugs or slugs_meant(self.project))


def target_of(text: str) -> Target:
    """What a person means: a model by name or ARN, a run by its id with or without its project, or a project."""
    if re.fullmatch(rf"arn:.*:custom-model/.*|.+-{_RUN}-c\d+", text):
        return Target(model=text)
    if run := re.fullmatch(rf"(?:(.+)-)?({_RUN})", text):
        return Target(run=run[2], project=run[1])
    return Target(project=text)


def looked_up(by: Removing, target: Target) -> Target:
    """The target with the slugs that are its project's, as long as it can be told: what tells it may be removed too."""
    if target.project is None:
        return target
    slugs = ownership.meant(by.s3, by.ssm, by.stack, by.bucket, target.project)
    return target.model_copy(update={"slugs": slugs})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is still to be removed, in the order in which it goes, and what stays with the reason.

    `usd_per_month` is what it costs by time, as far as prices are known. It is `ambiguous` if two projects are meant.
    """

    running: tuple[Execution, ...] = ()
    jobs: tuple[Billed, ...] = ()
    endpoints: tuple[Billed, ...] = ()
    parameters: tuple[str, ...] = ()
    models: tuple[StoredModel, ...] = ()
    staying: tuple[tuple[str, str], ...] = ()
    usd_per_month: float = 0.0
    unasked: tuple[str, ...] = ()
    ambiguous: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is left to be removed."""
        return not (self.running or self.jobs or self.endpoints or self.parameters or self.models)


def _in_hand(by: Removing, models: Iterable[StoredModel], going: Collection[str]) -> set[str]:
    """The ARNs of models with which other runs go on."""
    slugs = {model.tags.get(PROJECT_TAG, "") for model in models}
    return {arn for slug in slugs for arn in trained.in_hand(by.s3, by.bucket, slug, going=lambda each: each in going)}


def plan(by: Removing, target: Target) -> Plan:
    """What of the target is there now."""
    account = billed.everything(by.bedrock, by.ssm, by.stack, one_by_one=by.one_by_one)
    alive = executions.all_of(by.stepfunctions, by.machine_arn)
    going = [each for each in alive.values() if target.model is None and _is_going(target, each)]
    opened = [each for each in account.billed if each.kind in endpoints.KINDS and _meant(target, each)]
    leaving = [each for each in opened if target.whole or not each.in_service]
    staying = [slug for slug in account.published if not (target.whole and target.of(slug))]
    going_on = {arn for arn, each in alive.items() if each.running and each not in going}
    wanted = [model for model in account.models.own if _model_meant(target, model)]
    reasons = _reasons(by, account, wanted, going_on, leaving, staying)
    # What was trained last goes first, because a model may have been trained from an earlier one.
    models = sorted((each for each in wanted if not reasons[each.name]), key=lambda each: each.created, reverse=True)
    going_too = {each.arn for each in leaving} | {each.arn for each in models}
    return Plan(
        usd_per_month=sum(each.usd_per_month or 0.0 for each in account.billed if each.arn in going_too),
        running=tuple(going),
        jobs=tuple(each for each in account.billed if each.kind == "job" and _meant(target, each)),
        endpoints=tuple(leaving),
        parameters=tuple(sorted(account.published.keys() - set(staying))),
        models=tuple(models),
        staying=(*_in_service(by, opened, leaving), *_still_needed(by, wanted, reasons)),
        unasked=tuple(account.unasked),
        ambiguous=two_meant(target.project or "", {*account.published, *(each.project for each in account.billed)}),
    )


def _reasons(
    by: Removing,
    account: Account,
    wanted: list[StoredModel],
    going_on: set[str],
    leaving: list[Billed],
    staying: list[str],
) -> dict[str, str | None]:
    """By name why each model has to stay; None when nothing needs it."""
    needs = retention.needs_of(
        by.bedrock,
        [account.published[slug] for slug in staying],
        account.models,
        going=going_on,
        in_hand=_in_hand(by, wanted, going_on),
        but={each.arn for each in leaving} | {model.arn for model in wanted},
    )
    return {model.name: retention.why_needed(model, needs) for model in wanted}


def _in_service(by: Removing, opened: list[Billed], leaving: list[Billed]) -> Iterator[tuple[str, str]]:
    stack = of_stack(by.stack)
    return ((each.arn, IN_SERVICE.format(project=each.project, stack=stack)) for each in opened if each not in leaving)


def _still_needed(
    by: Removing, wanted: list[StoredModel], reasons: Mapping[str, str | None]
) -> Iterator[tuple[str, str]]:
    return ((model.name, _reason(model, why, of_stack(by.stack))) for model in wanted if (why := reasons[model.name]))


def _reason(model: StoredModel, why: str, stack: str) -> str:
    return {
        "it is in service": IN_SERVICE.format(project=model.tags.get(PROJECT_TAG, ""), stack=stack),
        "somebody keeps it": f"somebody keeps it; `finetune keep {model.name} --not{stack}` lets it go",
    }.get(why, why)


def _meant(target: Target, each: Billed) -> bool:
    return target.model is None and target.has(each.project, each.run)


def _model_meant(target: Target, model: StoredModel) -> bool:
    if target.model:
        return target.model in {model.name, model.arn}
    if target == Target():
        return False
    return target.has(model.tags.get(PROJECT_TAG, ""), model.tags.get(RUN_TAG, ""))


def _is_going(target: Target, execution: Execution) -> bool:
    """Whether an execution of the target runs, or was stopped while one of its functions may still be going."""
    over = execution.quiet if execution.status == "ABORTED" else not execution.running
    named = re.fullmatch(rf"(.+)-({_RUN})", execution.arn.rpartition(":")[2])
    return not over and (target == Target() or (named is not None and target.has(named[1], named[2])))


def carry_out(by: Removing, target: Target, *, wait: Callable[[], None], looks: Iterable[int]) -> Plan:
    """Remove the target, look again, and go on until nothing of it is left; returns what is left at last.

    `wait` is called while something is still being ended. Called again after an interruption, it goes on.
    """
    left, seen = plan(by, target), list[Plan]()
    for _ in looks:
        if left.empty and not any(_is_there(by, each) for each in seen):
            break
        seen = [*seen[-1:], left]
        _step(by, left)
        left = plan(by, target)
        if left.running or left.jobs or left.endpoints:
            wait()
    return left


def _is_there(by: Removing, before: Plan) -> bool:
    """Whether Get still finds something of what the lists do not show any more."""
    return (
        any(
            endpoints.find(by.bedrock, each.kind, each.arn) for each in before.endpoints if each.kind in endpoints.KINDS
        )
        or any(publication.read(by.ssm, by.stack, slug) for slug in before.parameters)
        or any(customization.model_arn(by.bedrock, model.name) for model in before.models)
    )


def _step(by: Removing, left: Plan) -> None:
    """Remove what can be removed now; what only has to wait is found again by the next look."""
    attempts = Attempts()
    running = [each.arn for each in left.running if each.running]
    acts: list[Callable[[], Any]] = [
        partial(executions.stop, by.stepfunctions, arn, "It is removed.") for arn in running
    ]
    acts += [partial(customization.stop_job, by.bedrock, job.name) for job in left.jobs]
    acts += [partial(_delete_endpoint, by, endpoint) for endpoint in left.endpoints]
    if not left.endpoints:
        acts += [partial(publication.delete, by.ssm, by.stack, slug) for slug in left.parameters]
    if not (left.running or left.jobs or left.endpoints):
        acts += [partial(retention.delete_model, by.bedrock, model) for model in left.models]
    for act in acts:
        with attempts.one(), suppress(EndpointBusy, ServiceBusy):
            act()
    attempts.conclude()


def _delete_endpoint(by: Removing, endpoint: Billed) -> None:
    if endpoint.found:
        folder = f"s3://{by.bucket}/runs/{endpoint.project}/{endpoint.run}"
        spending.delete_endpoint(by.bedrock, by.s3, endpoint.found, folder)

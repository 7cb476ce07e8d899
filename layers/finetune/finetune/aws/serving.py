"""Putting models into service: behind the project's endpoint, asked before they are published, and back again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from finetune.aws import endpoints, executions, ownership, publication, retention, runs, spending, storage, trained
from finetune.aws.endpoints import Found
from finetune.aws.publication import Published, Swap
from finetune.aws.translation import translated
from finetune.contracts import PromoteModelInput, PromoteModelOutput, SelectModelOutput
from finetune.domain.catalog import Deployment
from finetune.domain.evaluation import promotion
from finetune.errors import (
    ChampionChanged,
    EndpointBusy,
    EndpointFailed,
    FineTuneError,
    QuotaExceeded,
    ServiceBusy,
    ServiceRefused,
)
from finetune.letter import of_stack
from finetune.parts import Endpoint
from finetune.run import Champion, Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

PROBE = "Reply with the one word: ready"
# How often a rollback looks before it gives up; with a few seconds between two looks that is about an hour.
LOOKS = 720
# For so long an endpoint may look as if nobody had asked for another model.
UNSEEN = timedelta(minutes=5)


class NothingToRollBack(Exception):
    """A project has no previous model that its endpoint can serve."""


def open_serving(
    bedrock: BedrockClient, ssm: SSMClient, s3: S3Client, run: Run, model: SelectModelOutput, *, stack: str
) -> Endpoint:
    """The endpoint for the model to be served by: the project's own if it can carry the model, else a new one.

    If a quota refuses a new one, the endpoint that was evaluated is released before the wait: it is billed by the hour.
    """
    kind: Deployment = "provisioned" if run.settings.deployment == "provisioned" else "on_demand"
    before = publication.read(ssm, stack, run.slug)
    if before and _carrier(bedrock, before, kind, run):
        return before.endpoint
    try:
        lease = promotion.serving_lease(kind)
        return endpoints.open_endpoint(bedrock, run, model, {kind: lease}, stack=stack, purpose="service")
    except QuotaExceeded:
        for each in endpoints.opened_by(bedrock, run):
            with suppress(EndpointBusy):
                spending.delete_endpoint(bedrock, s3, each, run.folder)
        raise


@dataclass(frozen=True, slots=True)
class Promoting:
    """What a promotion acts through."""

    bedrock: BedrockClient
    runtime: BedrockRuntimeClient
    ssm: SSMClient
    s3: S3Client
    stepfunctions: SFNClient
    stack: str


def promote(by: Promoting, request: PromoteModelInput) -> PromoteModelOutput:
    """Put the run's model into service, ask it, publish it and release what it replaced; may be repeated.

    The endpoint in service keeps its ARN if it can carry the model. Raises EndpointBusy while Bedrock is still changing
    the endpoint, EndpointFailed if the model is not served or does not answer, and ChampionChanged if another model
    went into service since the run was planned. In each case the published model stays published; Release Endpoint
    restores it.

    Once the run is being cleaned up it publishes nothing any more, even if this call had begun before.
    """
    bedrock, ssm, stack = by.bedrock, by.ssm, by.stack
    run, model_arn = request.run, request.model.model_arn
    if model_arn is None:
        raise ServiceRefused(f"run {run.run_id} has no custom model to promote.")
    published = ownership.own(run, publication.read(ssm, stack, run.slug))
    if published is None or published.run_id != run.run_id:
        _require_same_champion(bedrock, run, published)
        _require_going_on(by, run)
        _require_turn(by, run, published)
        published = _put_into_service(bedrock, by.runtime, ssm, stack, request, published, model_arn)
    with suppress(FineTuneError):  # it is published, whether or not this can be written down too
        runs.note_published(by.s3, run)
    if published.replaced:
        endpoints.release(bedrock, published.replaced)
    going, (bucket, _) = partial(executions.goes_on, by.stepfunctions), storage.split_uri(run.folder)
    deleted, problem = retention.forget_old_models(
        bedrock,
        run,
        published,
        stack=stack,
        in_hand=lambda: trained.in_hand(by.s3, bucket, run.slug, going=going),
        going=going,
    )
    told = publication.told(stack, run.slug, published)
    return told.model_copy(update={"deleted_models": deleted, "retention_problem": problem})


def _require_turn(by: Promoting, run: Run, published: Published | None) -> None:
    """Two runs that were compared with the same champion must not both replace it."""

    def over(execution_arn: str) -> bool:
        found = executions.look(by.stepfunctions, execution_arn) if execution_arn else None
        return found is not None and found.quiet

    first = runs.whose_turn(by.s3, run, published.run_id if published else None, over=over)
    if first != run.run_id:
        raise EndpointBusy(f"Run {first} is putting a model of project {run.slug} into service.")


def _require_going_on(by: Promoting, run: Run) -> None:
    """A run that was stopped may be cleaned up while this function still goes on; only one of the two goes through."""
    found = executions.look(by.stepfunctions, run.execution_arn)
    if found is None or not found.running or not runs.comes_first(by.s3, run, found.redrives, "promote"):
        raise EndpointFailed(f"Run {run.run_id} has been stopped and is cleaned up, so its model is not published.")


def champion(bedrock: BedrockClient, ssm: SSMClient, stack: str, slug: str) -> Champion | None:
    """The model in service as a contestant; None before the first promotion, and when its endpoint is gone."""
    published = publication.read(ssm, stack, slug)
    found = _in_service(bedrock, published) if published else None
    if published is None or found is None:
        return None
    return Champion(
        endpoint_arn=published.endpoint_arn,
        model_arn=published.model_arn,
        run_id=published.run_id,
        met_at=found.as_of,
        units=found.units,
    )


def _in_service(bedrock: BedrockClient, published: Published) -> Found | None:
    return endpoints.find(bedrock, published.kind, published.endpoint_arn)


def _require_same_champion(bedrock: BedrockClient, run: Run, published: Published | None) -> None:
    """A verdict holds against the model it was reached against, not against one that came into service since."""
    if published is None and run.champion:
        raise ChampionChanged(
            f"Run {run.champion.run_id} was in service when run {run.run_id} was planned; its parameter has gone since."
        )
    found = _in_service(bedrock, published) if published else None
    if published is None or found is None:
        return
    if run.champion is None or run.champion.model_arn != published.model_arn:
        raise ChampionChanged(f"Run {published.run_id} is in service, and run {run.run_id} was not compared with it.")
    if published.swap is None and found.changed_at > _asked_since(bedrock, run, found.changed_at):
        raise ChampionChanged(
            f"{published.endpoint_arn} changed its model while run {run.run_id} was asking it, so its answers may be "
            "those of another model than the one in service."
        )


def _asked_since(bedrock: BedrockClient, run: Run, otherwise: datetime) -> datetime:
    """Since when a run asks the model in service: since it has an endpoint, or since its last rematch."""
    opened = [own.created_at for own in endpoints.opened_by(bedrock, run)]
    met = [run.champion.met_at] if run.rematches and run.champion and run.champion.met_at else []
    return max([min(opened, default=otherwise), *met])


def _put_into_service(
    bedrock: BedrockClient,
    runtime: BedrockRuntimeClient,
    ssm: SSMClient,
    stack: str,
    request: PromoteModelInput,
    before: Published | None,
    model_arn: str,
) -> Published:
    run, serving, replaced = request.run, request.throughput, None
    if before and (carrier := _carrier(bedrock, before, serving.kind, run)):
        serving = before.endpoint
        _swap(bedrock, ssm, stack, run, before, carrier, model_arn)
    elif before:
        replaced = before.endpoint
    as_of = _answering(bedrock, runtime, serving, model_arn).as_of
    after = Published(
        project=run.project,
        endpoint_arn=serving.arn,
        endpoint_name=serving.name,
        kind=serving.kind,
        base_model=run.settings.base_model,
        model_arn=model_arn,
        run_id=run.run_id,
        dataset=run.dataset,
        since=as_of,
        prices=run.settings.prices,
        model_units=run.settings.units,
        previous_model_arn=before and before.model_arn,
        previous_base_model=before and before.base_model,
        previous_run_id=before and before.run_id,
        previous_dataset=before and before.dataset,
        replaced=replaced,
    )
    publication.write(ssm, stack, run.slug, after, first=before is None)
    return after


def _carrier(bedrock: BedrockClient, before: Published, kind: Deployment, run: Run) -> Found | None:
    """The endpoint in service, if it exists, is of the wanted kind and size and holds a model of the same base."""
    if before.kind != kind or before.base_model != run.settings.base_model:
        return None
    found = endpoints.find(bedrock, before.kind, before.endpoint_arn)
    return found if found and found.status == "Ready" and found.units == run.settings.units else None


def _swap(
    bedrock: BedrockClient, ssm: SSMClient, stack: str, run: Run, before: Published, found: Found, model_arn: str
) -> None:
    """Return once the model answers behind the project's endpoint; the intent is written down before it is acted on."""
    swap = before.swap
    if swap and swap.execution_arn != run.execution_arn:
        raise EndpointBusy(f"{swap.who} is changing the model of {before.endpoint_arn}.")
    if swap is None:
        swap = Swap(model_arn=model_arn, run_id=run.run_id, execution_arn=run.execution_arn, begun=found.as_of)
        publication.write(ssm, stack, run.slug, before.model_copy(update={"swap": swap}))
    if not found.updating and found.model_arn == model_arn:
        return
    if not found.updating:
        late = found.as_of - swap.begun > UNSEEN
        if late and found.changed_at >= swap.begun:
            raise EndpointFailed(f"{before.endpoint_arn} did not take the new model; the previous one still answers.")
        try:
            endpoints.start_swap(bedrock, before.endpoint, model_arn)
        except ServiceRefused:
            # An earlier attempt may have asked for it, which is not seen yet.
            if late:
                raise
    raise EndpointBusy(f"{before.endpoint_arn} is changing its model.")


def _answering(bedrock: BedrockClient, runtime: BedrockRuntimeClient, endpoint: Endpoint, model_arn: str) -> Found:
    """The endpoint, once it holds the model and has answered a question; EndpointFailed when it never will."""
    found = endpoints.find(bedrock, endpoint.kind, endpoint.arn)
    if found is None or found.status == "Failed" or found.model_arn != model_arn:
        raise EndpointFailed(f"{endpoint.arn} does not serve the model that is to be published.")
    try:
        with translated(f"asking {endpoint.arn} before it is published"):
            runtime.converse(
                modelId=endpoint.arn,
                messages=[{"role": "user", "content": [{"text": PROBE}]}],
                inferenceConfig={"temperature": 0, "maxTokens": 16},
            )
    except ServiceRefused as error:
        raise EndpointFailed(str(error)) from error
    return found


def undo_swap(bedrock: BedrockClient, ssm: SSMClient, stack: str, slug: str, published: Published) -> None:
    """Put the published model back behind the project's endpoint, whose model somebody had begun to change.

    EndpointBusy until the published model answers again.
    """
    found = endpoints.find(bedrock, published.kind, published.endpoint_arn)
    if found and (found.updating or found.model_arn != published.model_arn):
        if not found.updating:
            endpoints.start_swap(bedrock, published.endpoint, published.model_arn)
        raise EndpointBusy(f"{published.endpoint_arn} is getting its published model back.")
    publication.write(ssm, stack, slug, published.model_copy(update={"swap": None}))


def roll_back(
    bedrock: BedrockClient,
    runtime: BedrockRuntimeClient,
    ssm: SSMClient,
    stack: str,
    slug: str,
    *,
    wait: Callable[[], None],
) -> Published:
    """Put a project's previous model back behind its endpoint and publish it.

    The model in service becomes the previous one. `wait` is called between two looks at the endpoint. Called again
    after an interruption, it continues. Raises NothingToRollBack if there is no previous model, EndpointFailed or
    EndpointBusy if the endpoint does not serve it.
    """
    published = publication.read(ssm, stack, slug)
    if published is None:
        raise NothingToRollBack(f"Project {slug} has nothing in service.")
    if published.previous_model_arn is None:
        raise NothingToRollBack(f"Project {slug} has had only one model in service, so no model came before it.")
    if published.previous_base_model not in {None, published.base_model}:
        raise NothingToRollBack(
            f"The previous model of project {slug} is a custom {published.previous_base_model}; the endpoint of a "
            f"custom {published.base_model} cannot serve it. Drop the dataset of run {published.previous_run_id} again."
        )
    if published.swap and published.swap.execution_arn:
        raise EndpointBusy(f"{published.swap.who} is putting a model into service; roll back once it has ended.")
    target = published.previous_model_arn
    intent = _intend_to_roll_back(bedrock, ssm, stack, slug, published, target)
    try:
        _swap_and_wait(bedrock, published.endpoint, target, wait)
        found = _answer_awaited(bedrock, runtime, published.endpoint, target, wait)
    except (EndpointBusy, ServiceBusy):
        raise
    except FineTuneError:
        _undo_and_wait(bedrock, ssm, stack, slug, intent, wait)
        raise
    if publication.read(ssm, stack, slug) != intent:
        raise EndpointBusy(
            f"A run began to put a model into service; look at `finetune status {slug}{of_stack(stack)}` when it ended."
        )
    after = published.model_copy(
        update={
            "model_arn": target,
            "run_id": published.previous_run_id,
            "dataset": published.previous_dataset,
            "since": found.as_of,
            "previous_model_arn": published.model_arn,
            "previous_base_model": published.base_model,
            "previous_run_id": published.run_id,
            "previous_dataset": published.dataset,
            "replaced": None,
            "swap": None,
        }
    )
    publication.write(ssm, stack, slug, after)
    return after


def _intend_to_roll_back(
    bedrock: BedrockClient, ssm: SSMClient, stack: str, slug: str, published: Published, target: str
) -> Published:
    """What is published, with the rollback written down: no run crosses it, and the sweeper ends one given up."""
    found = endpoints.find(bedrock, published.kind, published.endpoint_arn)
    if found is None:
        raise EndpointFailed(f"{published.endpoint_arn} no longer exists; drop a dataset to open another.")
    swap = Swap(model_arn=target, run_id=published.previous_run_id, execution_arn=None, begun=found.as_of)
    intent = published.model_copy(update={"swap": swap})
    publication.write(ssm, stack, slug, intent)
    return intent


def _undo_and_wait(
    bedrock: BedrockClient, ssm: SSMClient, stack: str, slug: str, intent: Published, wait: Callable[[], None]
) -> None:
    for _ in range(LOOKS):
        try:
            undo_swap(bedrock, ssm, stack, slug, intent)
        except (EndpointBusy, ServiceBusy):
            wait()
        else:
            return


def _swap_and_wait(bedrock: BedrockClient, endpoint: Endpoint, model_arn: str, wait: Callable[[], None]) -> None:
    asked: datetime | None = None
    for _ in range(LOOKS):
        found = endpoints.find(bedrock, endpoint.kind, endpoint.arn)
        if found is None:
            raise EndpointFailed(f"{endpoint.arn} no longer exists; drop a dataset to open another.")
        if not found.updating and found.model_arn == model_arn:
            return
        if not found.updating and asked and found.as_of - asked > UNSEEN:
            raise EndpointFailed(f"{endpoint.arn} did not take the previous model; {found.model_arn} still answers.")
        if not found.updating and not asked:
            endpoints.start_swap(bedrock, endpoint, model_arn)
            asked = found.as_of
        wait()
    raise EndpointBusy(f"{endpoint.arn} is still changing its model; run the command again to go on.")


def _answer_awaited(
    bedrock: BedrockClient,
    runtime: BedrockRuntimeClient,
    endpoint: Endpoint,
    model_arn: str,
    wait: Callable[[], None],
) -> Found:
    for _ in range(LOOKS):
        try:
            return _answering(bedrock, runtime, endpoint, model_arn)
        except (EndpointBusy, ServiceBusy):
            wait()
    raise EndpointBusy(f"{endpoint.arn} does not answer yet; run the command again to go on.")

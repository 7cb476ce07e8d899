"""Custom models that nobody needs any more: each is billed by the month, so each is deleted in the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import ClientError

from finetune.aws import endpoints, publication, runs, storage, tags, trained
from finetune.aws.executions import Execution
from finetune.aws.publication import Published
from finetune.aws.tags import DELETE_AFTER_TAG, EXECUTION_TAG, KEEP_TAG, PROJECT_TAG, RUN_TAG, STACK_TAG
from finetune.aws.translation import is_missing, translated
from finetune.aws.written import marked, read_back
from finetune.domain.billing import retention
from finetune.domain.billing.retention import PROMOTED, Needs, StoredModel
from finetune.domain.customization.jobs import RUN_BOUND
from finetune.errors import FineTuneError
from finetune.frozen import Frozen
from finetune.remains import Standing
from finetune.run import Run
from finetune.settings import Retention

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

    from finetune.aws.release import Attempts  # it imports this module

_OWN_NAME = re.compile(r"([a-z0-9-]+)-\d{8}-\d{6}-[0-9a-f]{8}-c\d+")
# The sweeper comes every quarter of an hour; models are billed by the month.
PAUSE = timedelta(days=1)
# How long the marker tells which models were deleted.
TOLD = timedelta(days=30)


class Deleted(Frozen):
    """A model that was deleted because its time was over."""

    name: str
    at: datetime


class Swept(Frozen):
    """What the marker of the last look at the models says."""

    deleted: tuple[Deleted, ...] = ()


def marker(bucket: str) -> str:
    """Where the last look at the models is written down; its age is how long ago that was."""
    return f"s3://{bucket}/retention/swept.json"


def read_marker(s3: S3Client, bucket: str) -> Swept:
    """What the last look at the models has left."""
    content = storage.read(s3, marker(bucket))
    return read_back(Swept, content, marker(bucket)) if content else Swept()


@dataclass(frozen=True, slots=True)
class Models:
    """The custom models of a stack, and what each model of the account was trained from, by ARN."""

    own: tuple[StoredModel, ...]
    bases: Mapping[str, str]

    def parents(self, *, but: Collection[str] = ()) -> set[str]:
        """What the models of the account were trained from, `but` these models."""
        return {base for arn, base in self.bases.items() if arn not in but}


def models_of(bedrock: BedrockClient, stack: str, slug: str | None = None) -> Models:
    """The custom models whose name and tags say that the stack trained them, of one project if it is named."""
    with translated("listing the custom models"):
        pages = bedrock.get_paginator("list_custom_models").paginate(isOwned=True)
        listed = [each for page in pages for each in page.get("modelSummaries", [])]
    own = []
    for each in listed:
        name, arn = each["modelName"], each["modelArn"]
        named = _OWN_NAME.fullmatch(name)
        if named is None or slug not in {None, named[1]}:
            continue
        found = tags.read(bedrock, arn)
        if found and {STACK_TAG: stack, PROJECT_TAG: named[1]}.items() <= found[0].items():
            own.append(StoredModel(name, arn, each["creationTime"], each.get("baseModelArn", ""), found[0]))
    return Models(tuple(own), {each["modelArn"]: each.get("baseModelArn", "") for each in listed})


def why_needed(model: StoredModel, needs: Needs) -> str | None:
    """Why a model must not be deleted; None when nobody needs it."""
    return retention.needed(model, needs, keep_tag=KEEP_TAG, execution_tag=EXECUTION_TAG)


def needs_of(
    bedrock: BedrockClient,
    published: Iterable[Published],
    models: Models,
    *,
    going: Iterable[str] = (),
    in_hand: Iterable[str] = (),
    but: Collection[str] = (),
) -> Needs:
    """Who needs models: endpoints, what is published, other models, executions that go on, also with models in hand.

    `but` are the ARNs of endpoints and models that are to be deleted too, so what they need does not count.
    """
    each = list(published)
    swaps = {one.swap.model_arn for one in each if one.swap}
    return Needs(
        serving=endpoints.models_served(bedrock, but=but),
        published={one.model_arn for one in each} | swaps,
        before={one.previous_model_arn for one in each if one.previous_model_arn},
        parents=models.parents(but=but),
        going=frozenset(going),
        in_hand=frozenset(in_hand),
    )


def delete_model(bedrock: BedrockClient, model: StoredModel) -> None:
    """Delete a custom model; one that has gone is deleted already, as after an answer that was lost."""
    with translated(f"deleting custom model {model.name}"):
        try:
            bedrock.delete_custom_model(modelIdentifier=model.arn)
        except ClientError as error:
            if not is_missing(error):
                raise


def forget_old_models(
    bedrock: BedrockClient,
    run: Run,
    published: Published,
    *,
    stack: str,
    in_hand: Callable[[], set[str]],
    going: Callable[[str], bool],
) -> tuple[tuple[str, ...], str | None]:
    """Delete the project's models beyond those that its settings keep; returns their names and what prevented the rest.

    A model whose own day is still to come stays until then. `in_hand` tells the ARNs of models that runs go on with,
    `going` whether an execution goes on. Never raises: the promotion is done already, and the next one tries again.
    """
    deleted: list[str] = []
    try:
        models = models_of(bedrock, stack, run.slug)
        needs = needs_of(bedrock, [published], models, in_hand=in_hand())
        in_use = {model.arn for model in models.own if why_needed(model, needs)}
        for model in retention.expired(models.own, keep=run.settings.retention.models, in_use=in_use):
            # The tags anew: the model's run may have ended, or somebody may want to keep it, since it was listed.
            if (found := tags.read(bedrock, model.arn)) is None or _stays(*found, going):
                continue
            delete_model(bedrock, model)
            deleted.append(model.name)
    except FineTuneError as error:
        return tuple(deleted), str(error)
    return tuple(deleted), None


def _stays(given: Mapping[str, str], now: datetime, going: Callable[[str], bool]) -> bool:
    """Whether a promotion leaves a model alone, by its tags: it is kept, its run goes on, or its day is to come."""
    if KEEP_TAG in given or (EXECUTION_TAG in given and going(given[EXECUTION_TAG])):
        return True
    told = given.get(DELETE_AFTER_TAG)
    return retention.day_of(told) is not None and not retention.is_due(told or "", now)


def dated(bedrock: BedrockClient, run: Run, stands: Standing, *, stack: str) -> dict[str, str]:
    """The day on which each model of a run that ended without promoting it is deleted, by the model's name.

    It is written to the model as a tag, once; that of an earlier run, which this one went on with, keeps the later day.
    A model whose day cannot be written or read is left out; the sweeper
    dates it later.
    """
    found: dict[str, str] = {}
    promoted = stands.promotion.model_arn if stands.promotion else None
    for name, arn in {**stands.models, **stands.adopted}.items():
        if arn == promoted:
            continue
        try:
            told = tags.read(bedrock, arn)
            if told is None:
                continue
            given, now = told
            before = given.get(DELETE_AFTER_TAG, "")
            moment = before
            if not before or name in stands.adopted:
                # As text the later day is the greater one, and "promoted" is greater than each.
                moment = max(before, retention.deletion(now, run.settings.retention.days))
            if moment != before:
                tags.add(bedrock, arn, stack, {DELETE_AFTER_TAG: moment})
        except FineTuneError:
            continue
        if KEEP_TAG not in given and (day := retention.day_of(moment)):
            found[name] = day
    return found


@dataclass(frozen=True, slots=True)
class ModelSweep:
    """The daily look at the models of a stack."""

    bedrock: BedrockClient
    ssm: SSMClient
    s3: S3Client
    stack: str
    bucket: str

    def is_due(self) -> bool:
        """Whether the last look was a day ago."""
        age = storage.age(self.s3, marker(self.bucket))
        return age is None or age >= PAUSE

    def look(self, executions: Mapping[str, Execution], attempts: Attempts) -> tuple[str, ...]:
        """Delete the models whose day has come, and date those that have none; returns the names of the deleted.

        One of an older release, which wrote no day, gets the days of its run's settings from now on.
        """
        models = models_of(self.bedrock, self.stack)
        slugs = sorted({model.tags.get(PROJECT_TAG, "") for model in models.own} - {""})
        published = {slug: publication.read(self.ssm, self.stack, slug) for slug in slugs}
        going = {arn for arn, execution in executions.items() if execution.running}
        held = [trained.in_hand(self.s3, self.bucket, slug, going=going.__contains__) for slug in slugs]
        needs = needs_of(
            self.bedrock, filter(None, published.values()), models, going=going, in_hand=set().union(*held)
        )
        deleted = list[Deleted]()
        for model in models.own:
            with attempts.one():
                if at := self._deleted(model, needs):
                    deleted.append(Deleted(name=model.name, at=at))
        self._mark(deleted)
        return tuple(each.name for each in deleted)

    def _deleted(self, model: StoredModel, needs: Needs) -> datetime | None:
        """When a model was deleted, if it was."""
        told = model.tags.get(DELETE_AFTER_TAG)
        if model.arn in needs.published | needs.before and told != PROMOTED:
            tags.add(self.bedrock, model.arn, self.stack, {DELETE_AFTER_TAG: PROMOTED})
        if why_needed(model, needs) or told == PROMOTED:
            return None
        # The tags and the time anew: somebody may have wanted to keep it since it was listed.
        if (found := tags.read(self.bedrock, model.arn)) is None or KEEP_TAG in found[0]:
            return None
        now = found[1]
        if told is None:
            self._date(model, now)
            return None
        if not retention.is_due(told, now):
            return None
        delete_model(self.bedrock, model)
        return now

    def _date(self, model: StoredModel, now: datetime) -> None:
        folder = f"s3://{self.bucket}/runs/{model.tags.get(PROJECT_TAG)}/{model.tags.get(RUN_TAG)}"
        if EXECUTION_TAG not in model.tags and now - model.created < RUN_BOUND:
            return  # its run may still be going
        moment = PROMOTED if runs.was_published(self.s3, folder) else retention.deletion(now, self._days(folder))
        tags.add(self.bedrock, model.arn, self.stack, {DELETE_AFTER_TAG: moment})

    def _days(self, folder: str) -> int:
        """What the settings of a run say; what they say by default when they cannot be read any more."""
        uri = f"{folder}/plan.json"
        content = storage.read(self.s3, uri)
        try:
            return read_back(Run, content, uri).settings.retention.days if content else Retention().days
        except FineTuneError:
            return Retention().days

    def _mark(self, deleted: Iterable[Deleted]) -> None:
        new = list(deleted)
        try:
            before = read_marker(self.s3, self.bucket).deleted
        except FineTuneError:
            before = ()
        newest = max((each.at for each in new), default=None)
        kept = [each for each in before if newest is None or newest - each.at < TOLD]
        content = Swept(deleted=(*kept, *new)).model_dump(mode="json")
        storage.write(self.s3, marker(self.bucket), orjson.dumps(marked(content)), "application/json")


def find_model(bedrock: BedrockClient, identifier: str, stack: str) -> StoredModel | None:
    """A custom model of the stack by its name or ARN; None when the stack has none of that name."""
    with translated(f"looking for custom model {identifier}"):
        try:
            found = bedrock.get_custom_model(modelIdentifier=identifier)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
    told = tags.read(bedrock, found["modelArn"])
    if told is None or told[0].get(STACK_TAG) != stack:
        return None
    return StoredModel(
        found["modelName"], found["modelArn"], found["creationTime"], found.get("baseModelArn", ""), told[0]
    )

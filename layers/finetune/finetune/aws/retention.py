"""Old custom models of a project: kept as its settings say, then deleted, because storage is billed by the month."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from finetune.aws import endpoints
from finetune.aws.publication import Published
from finetune.aws.tags import PROJECT_TAG, STACK_TAG
from finetune.aws.translation import translated
from finetune.domain.evaluation.promotion import StoredModel, expired
from finetune.errors import FineTuneError
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient


def forget_old_models(
    bedrock: BedrockClient, run: Run, published: Published, *, stack: str
) -> tuple[tuple[str, ...], str | None]:
    """Delete the project's models beyond those that its settings keep; returns their names and what prevented the rest.

    Never raises: the promotion is done already, and the next one tries again.
    """
    deleted: list[str] = []
    try:
        in_use = {published.model_arn, published.previous_model_arn} | endpoints.models_served(bedrock)
        for model in expired(_of_project(bedrock, run.slug, stack), keep=run.settings.retention.models, in_use=in_use):
            with translated(f"deleting custom model {model.name}"):
                bedrock.delete_custom_model(modelIdentifier=model.arn)
            deleted.append(model.name)
    except FineTuneError as error:
        return tuple(deleted), str(error)
    return tuple(deleted), None


def _of_project(bedrock: BedrockClient, slug: str, stack: str) -> list[StoredModel]:
    """The custom models whose name and tags say that this stack trained them for this project."""
    own_name = re.compile(rf"{re.escape(slug)}-\d{{8}}-\d{{6}}-[0-9a-f]{{8}}-c\d+")
    wanted = {STACK_TAG: stack, PROJECT_TAG: slug}
    with translated(f"listing the custom models of project {slug}"):
        pages = bedrock.get_paginator("list_custom_models").paginate(nameContains=f"{slug}-", isOwned=True)
        listed = [
            StoredModel(name=each["modelName"], arn=each["modelArn"], created=each["creationTime"])
            for page in pages
            for each in page.get("modelSummaries", [])
        ]
        return [
            model
            for model in listed
            if own_name.fullmatch(model.name) and wanted.items() <= _tags(bedrock, model).items()
        ]


def _tags(bedrock: BedrockClient, model: StoredModel) -> dict[str, str]:
    answer = bedrock.list_tags_for_resource(resourceARN=model.arn)
    return {tag["key"]: tag["value"] for tag in answer.get("tags", [])}

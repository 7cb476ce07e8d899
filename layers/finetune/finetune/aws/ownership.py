"""Whose a slug is: a project keeps the slug that release 0.2.0 gave it, and nobody else gets that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.aws import publication, runs, storage
from finetune.aws.publication import Published
from finetune.aws.written import read_back
from finetune.domain.customization.projects import project_slug, slug_before, slugs_meant
from finetune.errors import FileUnreadable, UnsupportedDataset
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


def settled(s3: S3Client, ssm: SSMClient, stack: str, run: Run) -> Run:
    """The run under the slug of its project; UnsupportedDataset when it cannot be told whose the slug is.

    In release 0.2.0 two names could have one slug. A project keeps such a slug only if what that release left says that
    it is this project's and no other's; else it gets the slug of this release, which no other project can have.
    """
    bucket, _ = storage.split_uri(run.folder)
    if before := _kept(s3, ssm, stack, bucket, run.project):
        return runs.under(run, before)
    own(run, publication.read(ssm, stack, run.slug))
    return run


def meant(s3: S3Client, ssm: SSMClient, stack: str, bucket: str, text: str) -> frozenset[str]:
    """The slugs that a person means by a name or a slug, with the one that the project of that name has kept.

    UnsupportedDataset when it cannot be told whether the project has kept one.
    """
    kept = None if slug_before(text) == text else _kept(s3, ssm, stack, bucket, text)
    return slugs_meant(text) | ({kept} if kept else frozenset())


def _kept(s3: S3Client, ssm: SSMClient, stack: str, bucket: str, project: str) -> str | None:
    """The slug of release 0.2.0 that is a project's and no other's; None where the project has that of this release."""
    before = slug_before(project)
    if before == project_slug(project):
        return None
    owners = _owners(s3, ssm, stack, bucket, before)
    if project in owners and len(owners) > 1:
        raise UnsupportedDataset(
            f"Before this release, {len(owners)} projects had the short name {before}, so it is not known which of "
            f'them owns the parameter {publication.parameter_name(stack, before)}: add "project" with the full '
            "name of its owner to the parameter's value, then drop the dataset or give the command again."
        )
    return before if project in owners else None


def own(run: Run, published: Published | None) -> Published | None:
    """What is published under the run's slug; UnsupportedDataset if it is another project's, without saying whose."""
    if published and published.projects and run.project not in published.projects:
        raise UnsupportedDataset(
            f"The short name {run.slug} of the project belongs to another project; drop the dataset under another name."
        )
    return published


def _owners(s3: S3Client, ssm: SSMClient, stack: str, bucket: str, slug: str) -> set[str]:
    """The projects that used a slug: what is published says it, and else the oldest run that is kept."""
    published = publication.read(ssm, stack, slug)
    if published and published.projects:
        return set(published.projects)
    tried = set[str]()
    for uri in storage.keys_under(s3, f"s3://{bucket}/runs/{slug}/"):
        folder = "/".join(uri.split("/")[:6])
        if folder in tried:
            continue
        tried.add(folder)
        if project := _claimed_by(s3, f"{folder}/run.json"):
            return {project}
    return set()


def _claimed_by(s3: S3Client, uri: str) -> str | None:
    content = storage.read(s3, uri)
    try:
        return read_back(runs.Claim, content, uri).of_project if content else None
    except FileUnreadable:
        return None

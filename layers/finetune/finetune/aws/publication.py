"""The one place an application reads its endpoint from: the SSM parameter /<stack>/<project>/endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import ClientError
from pydantic import ConfigDict, Field

from finetune.aws.translation import code_of, is_missing, translated
from finetune.aws.written import marked, read_back
from finetune.contracts import PromoteModelOutput
from finetune.domain.catalog import Deployment
from finetune.domain.cost import PriceOverrides
from finetune.domain.customization.projects import project_before
from finetune.errors import ChampionChanged, FileUnreadable, ServiceRefused
from finetune.frozen import Frozen
from finetune.parts import Endpoint
from finetune.run import ObjectVersion

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class Swap(Frozen):
    """A change of the endpoint's model that has begun and is not published yet; it is written down before it begins.

    Whoever finds it after the run has ended puts the published model back. `begun` is Bedrock's time. A rollback has no
    execution; `run_id` is then the run whose model it returns to.
    """

    model_config = ConfigDict(extra="ignore")
    model_arn: str
    run_id: str | None = None
    execution_arn: str | None = None
    begun: datetime

    @property
    def who(self) -> str:
        """Who is changing the model, at the start of a sentence."""
        return f"Run {self.run_id}" if self.execution_arn else f"A rollback to run {self.run_id}"


class Published(Frozen):
    """The parameter's value; `previous_*` is what a rollback returns to, `replaced` an endpoint to be released.

    `project` is the full name of the project whose model it is; release 0.2.0 did not write it down.
    """

    model_config = ConfigDict(extra="ignore")
    project: str | None = None
    endpoint_arn: str
    endpoint_name: str
    kind: Deployment
    base_model: str
    model_arn: str
    run_id: str
    dataset: ObjectVersion | None = None
    since: datetime | None = None
    prices: PriceOverrides = Field(default_factory=PriceOverrides)
    model_units: int = 1
    previous_model_arn: str | None = None
    previous_base_model: str | None = None
    previous_run_id: str | None = None
    previous_dataset: ObjectVersion | None = None
    replaced: Endpoint | None = None
    swap: Swap | None = None

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(kind=self.kind, name=self.endpoint_name, arn=self.endpoint_arn)

    @property
    def projects(self) -> frozenset[str]:
        """Whose it is by what is written down: by name, or else by the datasets of the models; empty if by nothing."""
        datasets = filter(None, (self.dataset, self.previous_dataset))
        told = {self.project} if self.project else {project_before(each.key) for each in datasets}
        return frozenset(filter(None, told))


def parameter_name(stack: str, slug: str) -> str:
    return f"/{stack}/{slug}/endpoint"


def read(ssm: SSMClient, stack: str, slug: str) -> Published | None:
    """What a project has in service; None before its first promotion."""
    name = parameter_name(stack, slug)
    with translated(f"reading parameter {name}"):
        try:
            value = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
    return _parsed(name, value)


def _parsed(name: str, value: str) -> Published:
    """What a promotion wrote; ServiceRefused when somebody wrote something else."""
    try:
        return read_back(Published, value, f"The parameter {name}")
    except FileUnreadable as error:
        raise ServiceRefused(
            f"{error} Restore its last good version from the parameter's history in Systems Manager."
        ) from None


def read_all(ssm: SSMClient, stack: str) -> Iterator[tuple[str, Published]]:
    """Every project's slug with what it has in service, by name."""
    with translated(f"reading the parameters below /{stack}/"):
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=f"/{stack}/", Recursive=True)
        found = {each["Name"]: each["Value"] for page in pages for each in page["Parameters"]}
    for name, value in sorted(found.items()):
        slug = name.removeprefix(f"/{stack}/").removesuffix("/endpoint")
        if name == parameter_name(stack, slug):
            yield slug, _parsed(name, value)


def write(ssm: SSMClient, stack: str, slug: str, published: Published, *, first: bool = False) -> None:
    """Publish; applications that read the parameter from now on get this.

    ChampionChanged if it was to be the project's `first` publication and is not.
    """
    name = parameter_name(stack, slug)
    # Parameter Store takes two opening braces for a reference to another parameter; the key of an object may hold them.
    content = orjson.dumps(marked(published.model_dump(mode="json", exclude_none=True)))
    value = content.decode().replace("{{", "{\\u007b")
    with translated(f"publishing parameter {name}"):
        try:
            ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=not first)
        except ClientError as error:
            if code_of(error) == "ParameterAlreadyExists":
                raise ChampionChanged(f"{name} was published since run {published.run_id} looked there.") from error
            raise


def delete(ssm: SSMClient, stack: str, slug: str) -> None:
    """Publish nothing any more; a project that had nothing published stays so."""
    name = parameter_name(stack, slug)
    with translated(f"deleting parameter {name}"):
        try:
            ssm.delete_parameter(Name=name)
        except ClientError as error:
            if not is_missing(error):
                raise


def told(stack: str, slug: str, published: Published) -> PromoteModelOutput:
    """What is published, as a promotion tells of it."""
    return PromoteModelOutput(
        endpoint_arn=published.endpoint_arn,
        kind=published.kind,
        model_arn=published.model_arn,
        previous_model_arn=published.previous_model_arn,
        parameter=parameter_name(stack, slug),
    )

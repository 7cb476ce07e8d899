"""What `finetune doctor` looks at: an account, a Region and a stack, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from botocore.exceptions import ClientError

from finetune.aws import clients, runs
from finetune.aws.translation import code_of, translated
from finetune.domain.catalog import BaseModelRow, base_model
from finetune.errors import FineTuneError
from finetune.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

State = Literal["ok", "warning", "wrong", "not asked"]


class Found(NamedTuple):
    """What one question found; `mend` is what a person does about it."""

    state: State
    text: str
    mend: str = ""


class NotAsked(FineTuneError):
    """A question needs an answer that another question did not get."""


@dataclass(frozen=True)
class Examined:
    """One stack, whether it is deployed or not, and one project or the default settings; `now` is the time here."""

    stack: str
    project: str | None
    now: datetime

    @property
    def region(self) -> str:
        return clients.bedrock().meta.region_name

    @cached_property
    def account(self) -> tuple[str, str]:
        """The account's number, and who asks."""
        with translated("asking who you are"):
            caller = clients.identity().get_caller_identity()
        return caller["Account"], caller["Arn"]

    @cached_property
    def found(self) -> StackTypeDef | None:
        """The stack as CloudFormation describes it; None while it is not deployed."""
        with translated(f"looking for stack {self.stack}"):
            try:
                return clients.cloudformation().describe_stacks(StackName=self.stack)["Stacks"][0]
            except ClientError as error:
                if code_of(error) == "ValidationError":
                    return None
                raise

    @property
    def deployed(self) -> StackTypeDef:
        """The stack; NotAsked while it is not deployed."""
        if self.found is None:
            raise NotAsked("there is no stack yet")
        return self.found

    @property
    def outputs(self) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in self.deployed.get("Outputs", [])}

    @property
    def parameters(self) -> dict[str, str]:
        return {each["ParameterKey"]: each["ParameterValue"] for each in self.deployed.get("Parameters", [])}

    @property
    def age(self) -> timedelta:
        """How long ago the stack was made or changed last."""
        return self.now - self.deployed.get("LastUpdatedTime", self.deployed["CreationTime"])

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """The physical id of each resource of the stack, by its name in the template."""
        name = self.deployed["StackName"]
        with translated(f"listing the resources of stack {self.stack}"):
            pages = clients.cloudformation().get_paginator("list_stack_resources").paginate(StackName=name)
            return {
                each["LogicalResourceId"]: each.get("PhysicalResourceId", "")
                for page in pages
                for each in page["StackResourceSummaries"]
            }

    def resource(self, name: str) -> str:
        """The physical id of a resource; NotAsked if the deployed release has no such one."""
        if name not in self.resources:
            raise NotAsked(f"the deployed release has no {name}")
        return self.resources[name]

    @cached_property
    def template(self) -> Mapping[str, Any]:
        """The template as it was deployed, after the transform of SAM."""
        with translated(f"reading the template of stack {self.stack}"):
            answer = clients.cloudformation().get_template(
                StackName=self.deployed["StackName"], TemplateStage="Processed"
            )
        body: Any = answer["TemplateBody"]
        if not isinstance(body, Mapping):
            raise NotAsked("CloudFormation gave the template as text")
        return body

    @cached_property
    def settings(self) -> Settings:
        """The project's settings, or the defaults; SettingsInvalid names file and key."""
        if self.project is None:
            return Settings()
        return runs.settings_of(clients.s3(), self.outputs["DatasetBucketName"], self.project)

    @property
    def row(self) -> BaseModelRow:
        """The base model of the settings; NotAsked while they cannot be read, for one question tells why."""
        try:
            return base_model(self.settings.base_model)
        except FineTuneError as error:
            raise NotAsked("the settings do not say which base model") from error

"""A deployed stack for tests of commands: one account in this process, with models, endpoints and jobs in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from finetune.aws import clients, publication
from finetune.aws.publication import Published
from finetune.domain.customization.jobs import resource_name
from tests.account import Account, account
from tests.template import ARTIFACTS, MACHINE, STACK

NOVA = "amazon.nova-micro-v1:0:128k"
OUTPUTS = {"StateMachineArn": MACHINE, "ArtifactBucketName": ARTIFACTS}


class Formation:
    """CloudFormation with the one stack."""

    class Meta:
        region_name = "us-east-1"

    meta = Meta()

    def describe_stacks(self, **_: object) -> dict[str, Any]:
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]}]}


@dataclass
class Stack:
    """What runs have made in an account, and the names by which it is known."""

    account: Account

    def run(self, number: int) -> str:
        return f"20261121-1030{number:02}-{number:08x}"

    def tags(self, slug: str, number: int, **more: str) -> Any:
        own = {"finetune-stack": STACK, "finetune-project": slug, "finetune-run": self.run(number), **more}
        return [{"key": key, "value": value} for key, value in own.items()]

    def model(self, slug: str, number: int, **more: str) -> str:
        """A trained model of a run; its ARN."""
        arn = self.account.emulator.add_model(f"{resource_name(slug, self.run(number))}-c1", NOVA)
        clients.bedrock().tag_resource(resourceARN=arn, tags=self.tags(slug, number, **more))
        return arn

    def name(self, slug: str, number: int) -> str:
        return f"{resource_name(slug, self.run(number))}-c1"

    def endpoint(self, slug: str, number: int, model: str, *, provisioned: bool = False, units: int = 1) -> str:
        """An endpoint of a run that is ready; its ARN."""
        name, given = resource_name(slug, self.run(number)), self.tags(slug, number)
        arn: str
        if provisioned:
            arn = clients.bedrock().create_provisioned_model_throughput(
                provisionedModelName=name, modelId=model, modelUnits=units, tags=given
            )["provisionedModelArn"]
        else:
            arn = clients.bedrock().create_custom_model_deployment(
                modelDeploymentName=name, modelArn=model, tags=given
            )["customModelDeploymentArn"]
        self.account.clock.advance(30)
        return arn

    def publish(self, slug: str, number: int, model: str, endpoint: str, **more: Any) -> None:
        publication.write(
            clients.ssm(),
            STACK,
            slug,
            Published(
                endpoint_arn=endpoint,
                endpoint_name=resource_name(slug, self.run(number)),
                kind="provisioned" if ":provisioned-model/" in endpoint else "on_demand",
                base_model=NOVA,
                model_arn=model,
                run_id=self.run(number),
                since=datetime(2026, 11, 21, tzinfo=UTC),
                **more,
            ),
        )

    def models(self) -> set[str]:
        """The names of the models that are there."""
        return {each.name for each in self.account.emulator.admin.ledger().models if each.deleted_at is None}

    def open(self) -> set[str]:
        return set(self.account.emulator.admin.ledger().open)

    def published(self, slug: str) -> bool:
        return publication.read(clients.ssm(), STACK, slug) is not None


@contextmanager
def deployed() -> Iterator[Stack]:
    with account() as opened, pytest.MonkeyPatch.context() as patched:
        patched.setattr(clients, "cloudformation", Formation)
        yield Stack(opened)

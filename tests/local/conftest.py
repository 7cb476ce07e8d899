"""A local cloud per test file, without the Bedrock emulator."""

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.cloud import Cloud
from tests.waiting import eventually

TIME_SCALE = 600
FUNCTION_SECONDS = 900


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud.start(tmp_path_factory.mktemp("cloud"), TIME_SCALE, bedrock=False) as running:
        yield running


def passing(**fields: Any) -> dict[str, Any]:
    """A Pass state that ends its machine."""
    return {"Type": "Pass", "End": True, **fields}


@dataclass(frozen=True)
class Workbench:
    """Small things to make in a cloud, each under a name of its own."""

    cloud: Cloud

    def role(self, service: str, *statements: dict[str, Any]) -> str:
        """The ARN of a new role that `service` may assume and that allows what the statements say."""
        iam = self.cloud.client("iam")
        name = f"role-{uuid.uuid4().hex[:8]}"
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_policy(*statements))
        return arn

    def function(self, code: str, *allowed: dict[str, Any], handler: str = "app.handler", **settings: Any) -> str:
        """The ARN of a new function whose `app.py` is `code`."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr("app.py", code)
        created = self.cloud.client("lambda").create_function(
            FunctionName=f"function-{uuid.uuid4().hex[:8]}",
            Runtime="python3.13",
            Architectures=["arm64"],
            Role=settings.pop("Role", None) or self.role("lambda.amazonaws.com", *allowed),
            Handler=handler,
            Code={"ZipFile": archive.getvalue()},
            **{"Timeout": FUNCTION_SECONDS, **settings},
        )
        return str(created["FunctionArn"])

    def invoke(self, function_arn: str, event: Any = None) -> tuple[str | None, Any]:
        """The kind of error, None for success, and the payload of an invocation."""
        answer = self.cloud.client("lambda").invoke(FunctionName=function_arn, Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    def state_machine(self, definition: dict[str, Any], *allowed: dict[str, Any]) -> str:
        """The ARN of a new state machine; without statements its role may invoke any function."""
        statements = allowed or ({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"},)
        created = self.cloud.client("stepfunctions").create_state_machine(
            name=f"machine-{uuid.uuid4().hex[:8]}",
            definition=json.dumps(definition),
            roleArn=self.role("states.amazonaws.com", *statements),
        )
        return str(created["stateMachineArn"])

    def run(self, definition: dict[str, Any], event: Any = None) -> dict[str, Any]:
        """The description of a finished execution, with its output parsed."""
        arn = self.start(self.state_machine(definition), event)
        return self.finished(arn)

    def start(self, state_machine_arn: str, event: Any = None, **named: str) -> str:
        """The ARN of a started execution."""
        text = json.dumps({} if event is None else event)
        client = self.cloud.client("stepfunctions")
        return str(client.start_execution(stateMachineArn=state_machine_arn, input=text, **named)["executionArn"])

    def finished(self, execution_arn: str) -> dict[str, Any]:
        """The description of an execution once it has ended, with its output parsed."""
        client = self.cloud.client("stepfunctions")

        def ended() -> dict[str, Any] | None:
            execution: dict[str, Any] = client.describe_execution(executionArn=execution_arn)
            return None if execution["status"] == "RUNNING" else execution

        execution = eventually(ended)
        return execution | {"output": json.loads(execution.get("output") or "null")}

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        """Every event of an execution."""
        pages = self.cloud.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=execution_arn) for event in page["events"]]


@pytest.fixture(scope="module")
def workbench(cloud: Cloud) -> Workbench:
    return Workbench(cloud)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

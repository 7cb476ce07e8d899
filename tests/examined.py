"""An account in which everything is as `finetune doctor` wants it, and where each thing can be broken by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.events.models import EventPattern

from finetune.aws import clients
from finetune.aws.examination import QUESTIONS, Line, answer
from finetune.aws.examined import Examined
from finetune.domain import catalog
from local.bedrock.policy import Decision, Question, Statement, decide
from tests.account import Account, account
from tests.emulator import ACCOUNT, REGION
from tests.template import ARTIFACTS, DATASETS, MACHINE, STACK, TOPIC
from tools.project import ROOT, template
from tools.release import version
from tools.translate import translate

NOW = datetime.now(UTC)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
PROJECT = "shop"
# CloudFormation tells those too that nobody gave.
PARAMETERS = {
    **{name: str(each["Default"]) for name, each in template()["Parameters"].items() if "Default" in each},
    "KmsKeyArn": KEY,
    "NotificationEmail": "someone@example.com",
}
# What the stack's names resolve to, beside those that are made of the logical name.
NAMED = {
    "DatasetBucket": DATASETS,
    "ArtifactBucket": ARTIFACTS,
    "Topic": TOPIC,
    "FineTuningStateMachine": MACHINE,
    "DeadLetterQueue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/letters",
}
# The policy that the project ships for a key of one's own.
KEY_POLICY: list[dict[str, Any]] = json.loads(
    (ROOT / "docs/key-policy.json").read_text().replace("ACCOUNT", ACCOUNT).replace("REGION", REGION)
)["Statement"]


@cache
def processed() -> dict[str, Any]:
    """The template as CloudFormation has it after the transform."""
    content: dict[str, Any] = json.loads(json.dumps(translate(ROOT / "template.yaml"), default=str))
    return content


def physical(name: str) -> str:
    return NAMED.get(name, f"{STACK}-{name}")


def arn(name: str) -> str:
    """The ARN of a resource, as CloudFormation gives it."""
    kind = processed()["Resources"][name]["Type"]
    formats = {
        "AWS::S3::Bucket": "arn:aws:s3:::{}",
        "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
        "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
        "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
    }
    return formats[kind].format(physical(name).rpartition("/")[2])


PSEUDO = {
    "AWS::StackName": STACK,
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    **PARAMETERS,
}


def plain(value: Any) -> Any:
    """A part of the template with everything resolved, for a stack with a key of its own."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Fn::If": _}:
            return plain(unconditional(value))
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return PSEUDO.get(name) or (physical(name) if "Ref" in value else arn(name))
        case {"Fn::Sub": text}:
            return re.sub(
                r"\$\{([^}]+)\}", lambda found: PSEUDO.get(found[1]) or arn(found[1].removesuffix(".Arn")), text
            )
    return {key: plain(each) for key, each in value.items()}


@cache
def policies(role: str) -> tuple[Statement, ...]:
    """What a role of the template may do."""
    found = processed()["Resources"][role]["Properties"]
    documents = [each["PolicyDocument"] for each in map(unconditional, found.get("Policies", []))]
    documents += [
        processed()["Resources"][attached["Ref"]]["Properties"]["PolicyDocument"]
        for attached in map(unconditional, found.get("ManagedPolicyArns", []))
        if isinstance(attached, dict)
    ]
    return tuple(statement for document in documents for statement in plain(document)["Statement"])


@cache
def by_template(role: str, action: str, resource: str, context: tuple[tuple[str, str], ...]) -> Decision:
    """What IAM decides about a role that is as the template makes it."""
    return decide(policies(role), Question(action, resource, dict(context)))


def unconditional(value: Any) -> Any:
    """A part of the template of a stack that has a key of its own and lists no judges."""
    if not (isinstance(value, dict) and "Fn::If" in value):
        return value
    condition, yes, no = value["Fn::If"]
    chosen = {"HasKmsKey": yes, "HasJudgeModels": no}[condition]
    return None if chosen == {"Ref": "AWS::NoValue"} else chosen


def refusing(code: str, message: str) -> Callable[..., Any]:
    """An operation that is refused."""

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "Call")

    return refuse


@dataclass
class Patient:
    """The account; `answers` are operations that answer otherwise, `denied` those that whoever asks may not do."""

    account: Account
    answers: dict[str, Callable[..., Any]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    roles: dict[str, list[Statement]] = field(default_factory=dict)
    status: str = "UPDATE_COMPLETE"
    parameters: dict[str, str] = field(default_factory=lambda: dict(PARAMETERS))
    project: str | None = PROJECT

    def examine(self, kind: type[Examined] = Examined) -> dict[str, Line]:
        """Every line, by its name."""
        by = kind(STACK, self.project, NOW)
        return {question.name: answer(question, by) for question in QUESTIONS}

    def recover(self) -> None:
        """Undo what a test broke."""
        healed = Patient(self.account)
        for name in ("answers", "denied", "asked", "roles", "status", "parameters", "project"):
            setattr(self, name, getattr(healed, name))
        clients.s3().delete_object(Bucket=DATASETS, Key=f"projects/{PROJECT}/settings.yaml")
        queue = NAMED["DeadLetterQueue"]
        for letter in clients.sqs().receive_message(QueueUrl=queue).get("Messages", []):
            clients.sqs().delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])
        put_rules()
        state = self.account.emulator.world.state
        for made in (state.deployments, state.models, state.jobs, state.tags):
            made.clear()
        self.account.emulator.admin.clear_faults()

    def amiss(self) -> dict[str, str]:
        """The state of every line that is not ok."""
        return {name: line.found.state for name, line in self.examine().items() if line.found.state != "ok"}

    def settings(self, text: str) -> None:
        self.account.put(f"projects/{PROJECT}/settings.yaml", text.encode())

    def call(self, original: Callable[..., Any], client: Any, operation: str, given: Mapping[str, Any]) -> Any:
        """What AWS answers to one call."""
        self.asked.append(operation)
        if operation in self.denied:
            action = f"{client.meta.service_model.signing_name}:{operation}"
            message = f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: {action} on resource: *"
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, operation)
        own = {**self._own(), **self.answers}
        return own[operation](**given) if operation in own else original(client, operation, given)

    def _own(self) -> dict[str, Callable[..., Any]]:
        """What moto does not answer."""
        return {
            "DescribeStacks": lambda **_: {"Stacks": [self._described()]},
            "ListStackResources": lambda **_: {
                "StackResourceSummaries": [
                    {"LogicalResourceId": name, "PhysicalResourceId": physical(name)}
                    for name in processed()["Resources"]
                ]
            },
            "GetTemplate": lambda **_: {"TemplateBody": processed()},
            "TestEventPattern": lambda EventPattern, Event: {"Result": _matches(EventPattern, Event)},  # noqa: N803
            "GetAccountSettings": lambda: {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}},
            "SimulatePrincipalPolicy": self._simulated,
            "GetBucketNotificationConfiguration": lambda **_: {"EventBridgeConfiguration": {}},
            "DescribeKey": lambda **_: {"KeyMetadata": {"KeyState": "Enabled"}},
            "GetKeyPolicy": lambda **_: {"Policy": json.dumps({"Statement": KEY_POLICY})},
        }

    def _described(self) -> dict[str, Any]:
        return {
            "StackName": STACK,
            "StackStatus": self.status,
            "CreationTime": NOW - timedelta(days=3),
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
            "Outputs": [
                {"OutputKey": key, "OutputValue": value}
                for key, value in {"Release": version(), "DatasetBucketName": DATASETS}.items()
            ],
        }

    def _simulated(self, **given: Any) -> dict[str, Any]:
        role = given["PolicySourceArn"].rpartition(f"/{STACK}-")[2]
        context = {each["ContextKeyName"]: each["ContextKeyValues"][0] for each in given["ContextEntries"]}
        [resource] = given["ResourceArns"]
        decided = {
            action: decide(self.roles[role], Question(action, resource, context))
            if role in self.roles
            else by_template(role, action, resource, tuple(context.items()))
            for action in given["ActionNames"]
        }
        return {"EvaluationResults": [{"EvalActionName": name, "EvalDecision": each} for name, each in decided.items()]}


def _matches(pattern: str, event: str) -> bool:
    return bool(EventPattern.load(pattern).matches_event(json.loads(event)))


@contextmanager
def healthy() -> Iterator[Patient]:
    """An account with a deployed stack, a confirmed subscription, a sweeper that runs, and nothing that waits."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    with account() as opened, pytest.MonkeyPatch.context() as patched:
        patched.setattr(catalog, "OLD_DAYS", 10**6)  # the catalog ages while nobody changes the code
        patient = Patient(opened)
        patched.setattr(
            BaseClient,
            "_make_api_call",
            lambda client, operation, given: patient.call(original, client, operation, given),
        )
        _deploy()
        yield patient


def _deploy() -> None:
    clients.sns().subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="someone@example.com")
    clients.sqs().create_queue(QueueName="letters")
    put_rules()
    sweep(1)


def put_rules() -> None:
    """The rules as the template has them."""
    for name, rule in processed()["Resources"].items():
        if rule["Type"] == "AWS::Events::Rule":
            put_rule(name, plain(rule["Properties"]["EventPattern"]))
            target = arn(rule["Properties"]["Targets"][0]["Arn"]["Fn::GetAtt"][0])
            clients.events().put_targets(Rule=physical(name), Targets=[{"Id": "one", "Arn": target}])


def put_rule(name: str, pattern: Any, state: Any = "ENABLED") -> None:
    clients.events().put_rule(Name=physical(name), EventPattern=json.dumps(pattern), State=state)


def sweep(succeeded: int) -> None:
    """The metrics that Lambda writes of the sweeper."""
    cloudwatch: Any = boto3.client("cloudwatch", region_name=REGION)
    dimensions = [{"Name": "FunctionName", "Value": physical("SweepEndpointsFunction")}]
    for metric, value in {"Invocations": 1, "Errors": 1 - succeeded}.items():
        datum = {
            "MetricName": metric,
            "Dimensions": dimensions,
            "Value": value,
            "Timestamp": NOW - timedelta(minutes=9),
        }
        cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])

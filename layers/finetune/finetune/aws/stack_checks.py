"""What `finetune doctor` asks of a deployed stack: its events, mails, sweeper and bills."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from finetune.aws import billed, clients, endpoints, executions
from finetune.aws.examined import Examined, Found, NotAsked
from finetune.aws.tags import LEASE_TAG
from finetune.aws.translation import translated
from finetune.domain.customization.jobs import lease_is_over
from finetune.version import DISTRIBUTION

# A sweeper that runs every 15 minutes, and the metrics of Lambda, which come some minutes late.
_SWEEP_MINUTES, _LOOK_BACK = 15, timedelta(hours=2)
_LATELY = timedelta(days=7)
_DEPLOY = "Deploy the stack again: make deploy."


def deployed(by: Examined) -> Found:
    """Whether the stack is deployed, whole, and of the release that asks."""
    if by.found is None:
        return Found("wrong", f"there is no stack {by.stack!r} in {by.region}", "Deploy it, or name one with --stack.")
    status, theirs, ours = by.found["StackStatus"], by.outputs.get("Release", "unknown"), version(DISTRIBUTION)
    if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
        mend = "Look at its events in the console of CloudFormation, and deploy it again."
        stands = status == "UPDATE_ROLLBACK_COMPLETE" or status.endswith("_IN_PROGRESS")
        return Found("warning" if stands else "wrong", f"it is in {status}", mend)
    if theirs != ours:
        mend = "Deploy this release, or use the command of the stack's release."
        return Found("warning", f"its release is {theirs}, and this command is {ours}", mend)
    return Found("ok", f"release {theirs}, {status}")


def subscription(by: Examined) -> Found:
    """Whether anybody gets the mails."""
    with translated("listing who gets mails"):
        pages = clients.sns().get_paginator("list_subscriptions_by_topic").paginate(TopicArn=by.resource("Topic"))
        arns = [each["SubscriptionArn"] for page in pages for each in page["Subscriptions"]]
    confirmed = sum(arn.startswith("arn:") for arn in arns)
    if not confirmed:
        waiting = " and one waits for its confirmation" if "PendingConfirmation" in arns else ""
        return Found(
            "wrong",
            f"nobody gets the mails{waiting}",
            "Follow the link in the mail of AWS Notifications, or after two days subscribe the address again.",
        )
    return Found("ok", f"{confirmed} confirmed")


def bucket(by: Examined) -> Found:
    """Whether the dataset bucket tells EventBridge of its objects."""
    with translated("asking what the dataset bucket tells"):
        told = clients.s3().get_bucket_notification_configuration(Bucket=by.resource("DatasetBucket"))
    if "EventBridgeConfiguration" not in told:
        return Found("wrong", "the dataset bucket tells EventBridge nothing, so no drop starts a run", _DEPLOY)
    return Found("ok", "the dataset bucket tells EventBridge of every object")


def drop(by: Examined) -> Found:
    """Whether a dropped dataset would start a run."""
    bucket_name = by.resource("DatasetBucket")
    detail = {"bucket": {"name": bucket_name}, "object": {"key": "incoming/doctor/dataset.jsonl", "size": 1}}
    event = _event(by, "aws.s3", "Object Created", detail)
    return _delivered(by, "DatasetDroppedRule", "StartRunFunction", event, "a drop starts a run")


def end(by: Examined) -> Found:
    """Whether the end of a run would be cleaned up after."""
    detail = {"stateMachineArn": by.resource("FineTuningStateMachine"), "status": "ABORTED"}
    event = _event(by, "aws.states", "Step Functions Execution Status Change", detail)
    return _delivered(by, "RunEndedRule", "CleanUpRunFunction", event, "a run that is aborted is cleaned up after")


def _event(by: Examined, source: str, kind: str, detail: Mapping[str, Any]) -> str:
    number, _ = by.account
    common = {"id": "doctor", "account": number, "region": by.region, "resources": [], "version": "0"}
    time = f"{by.now:%Y-%m-%dT%H:%M:%SZ}"
    return json.dumps({**common, "time": time, "source": source, "detail-type": kind, "detail": detail})


def _delivered(by: Examined, rule: str, function: str, event: str, what: str) -> Found:
    """Whether a rule is on, takes an event, and gives it to a function."""
    name, target = by.resource(rule), by.resource(function)
    with translated(f"testing the rule {name}"):
        described = clients.events().describe_rule(Name=name)
        taken = clients.events().test_event_pattern(EventPattern=described["EventPattern"], Event=event)["Result"]
        targets = clients.events().list_targets_by_rule(Rule=name)["Targets"]
    why = {
        "is off": described["State"] != "ENABLED",
        "does not take its event": not taken,
        f"does not invoke {function}": not any(each["Arn"].endswith(f":function:{target}") for each in targets),
    }
    if faults := [fault for fault, found in why.items() if found]:
        return Found("wrong", f"the rule {name} {' and '.join(faults)}", _DEPLOY)
    return Found("ok", what)


def dead_letters(by: Examined) -> Found:
    """Whether an event was lost on its way."""
    with translated("counting dead letters"):
        answer = clients.sqs().get_queue_attributes(
            QueueUrl=by.resource("DeadLetterQueue"), AttributeNames=["ApproximateNumberOfMessages"]
        )
    if number := int(answer["Attributes"]["ApproximateNumberOfMessages"]):
        mend = "Read them in the console of SQS: each names its dataset or run. Drop the dataset again, then purge."
        return Found("wrong", f"{number} events were not delivered", mend)
    return Found("ok", "none")


def sweeper(by: Examined) -> Found:
    """When the sweeper succeeded last."""
    called, failed = (_sums(by, metric) for metric in ("Invocations", "Errors"))
    if not called and by.age < _LOOK_BACK:
        raise NotAsked("the stack is too new for Lambda's metrics")
    succeeded = [moment for moment, number in called.items() if number > failed[moment]]
    if not succeeded:
        said = (
            f"{sum(failed.values()):.0f} of {sum(called.values()):.0f} times it failed" if called else "it did not run"
        )
        mend = "Look at the log of SweepEndpoints; until it works, `finetune costs` shows what it would delete."
        return Found("wrong", f"no success in {_LOOK_BACK // timedelta(hours=1)} hours, {said}", mend)
    return Found("ok", f"last success after {max(succeeded):%H:%M} UTC")


def _sums(by: Examined, metric: str) -> Counter[datetime]:
    """Lambda's metric of the sweeper, by the start of each period."""
    with translated("asking when the sweeper succeeded"):
        answer = clients.cloudwatch().get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": "FunctionName", "Value": by.resource("SweepEndpointsFunction")}],
            StartTime=by.now - _LOOK_BACK,
            EndTime=by.now,
            Period=_SWEEP_MINUTES * 60,
            Statistics=["Sum"],
        )
    return Counter({each["Timestamp"]: int(each["Sum"]) for each in answer["Datapoints"]})


def runs(by: Examined) -> Found:
    """How the runs of the last days ended."""
    ended = [
        each
        for each in executions.all_of(clients.stepfunctions(), by.resource("FineTuningStateMachine")).values()
        if each.stopped and by.now - each.stopped < _LATELY
    ]
    failed = sum(each.status != "SUCCEEDED" for each in ended)
    text = f"{len(ended)} ended in {_LATELY.days} days"
    if failed:
        return Found("warning", f"{text}, {failed} of them failed", "Their mails say why, and what to do.")
    return Found("ok", text)


def bills(by: Examined) -> Found:
    """What the stack is billed for, and whether an endpoint should have been deleted."""
    account = billed.everything(clients.bedrock(), clients.ssm(), by.stack)
    if account.unasked:
        raise NotAsked(account.unasked[0])
    month = sum(each.usd_per_month or 0 for each in account.billed)
    text = f"${month:,.2f} a month by time, beside tokens; `finetune costs` lists it"
    late = [
        each.name
        for each in account.billed
        if each.kind in endpoints.KINDS
        and not each.in_service
        and lease_is_over(each.tags, lease_tag=LEASE_TAG, now=account.as_of)
    ]
    if late:
        mend = f"Invoke {by.outputs.get('SweepEndpointsFunctionName', 'the sweeper')}, or delete it in the console."
        return Found("wrong", f"{', '.join(late)} is open past its lease", mend)
    return Found("ok", text)

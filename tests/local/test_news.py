"""What `python -m local up` says of runs: each state once, then the end with its pages."""

import json
from types import SimpleNamespace
from typing import Any, cast

from local.news import News
from local.session import Session
from tests.local.histories import recorded, timeline

ARN = "arn:aws:states:us-east-1:1:execution:finetune:shop-assistant-20261121-103100-0badcafe"
REPORT = "runs/shop-assistant/20261121-103100-0badcafe/report.html"


class Cloud:
    """Step Functions with one execution of which `seen` events have happened, and S3 with its report."""

    def __init__(self, name: str) -> None:
        self.events = recorded(name)
        self.seen = 40
        self.output: dict[str, Any] = {"evaluation": {"reason": "It is better."}}

    def client(self, _: str) -> "Cloud":
        return self

    def get_paginator(self, operation: str) -> Any:
        pages: dict[str, Any] = {
            "list_executions": {"executions": [{"executionArn": ARN}]},
            "get_execution_history": {"events": self.events[: self.seen]},
            "list_objects_v2": {"Contents": [{"Key": REPORT}, {"Key": REPORT.replace("report.html", "plan.json")}]},
        }
        return SimpleNamespace(paginate=lambda **_: [pages[operation]])

    def describe_execution(self, **_: object) -> dict[str, Any]:
        if self.seen < len(self.events):
            return {"status": "RUNNING"}
        end = self.events[-1]["timestamp"]
        return {"status": "SUCCEEDED", "stopDate": end, "output": json.dumps(self.output)}


def news(cloud: Cloud) -> News:
    outputs = {"StateMachineArn": "arn:machine", "ArtifactBucketName": "artifacts"}
    bedrock = SimpleNamespace(timeline=lambda: timeline(cloud.events))
    session = SimpleNamespace(cloud=cloud, outputs=outputs, bedrock=bedrock)
    return News(cast("Session", session), "http://127.0.0.1:1")


def test_each_state_is_told_once_and_the_end_with_the_page_s_address() -> None:
    cloud = Cloud("promoted")
    found = news(cloud)
    first = list(found.lines())
    assert first[0].startswith("shop-assistant-20261121-103100-0badcafe: ")
    assert "Plan Run" in first[0]
    assert list(found.lines()) == []
    cloud.seen = len(cloud.events)
    second = list(found.lines())
    assert not {line.split(",")[0] for line in first} & {line.split(",")[0] for line in second}
    assert second[-2:] == [
        "shop-assistant-20261121-103100-0badcafe: SUCCEEDED: It is better.",
        "shop-assistant-20261121-103100-0badcafe: http://127.0.0.1:1/shop-assistant/20261121-103100-0badcafe/report.html",
    ]
    assert list(found.lines()) == []

"""What happens to all runs of a cloud: each state as it ends, then verdict and pages."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from finetune_cli.history import rows, settled
from local.pages import path_of
from local.session import Session
from local.words import MARKS, state_line


@dataclass
class _Told:
    """What was said of one execution."""

    states: int = 0
    ended: bool = False


@dataclass
class News:
    """Looks at every execution of the stack, and says of each what was not said before."""

    session: Session
    address: str
    _told: dict[str, _Told] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """What has happened since the last call."""
        states = self.session.cloud.client("stepfunctions")
        machine = self.session.outputs["StateMachineArn"]
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        for each in reversed([execution for page in pages for execution in page["executions"]]):
            told = self._told.setdefault(each["executionArn"], _Told())
            if not told.ended:
                yield from self._of(each["executionArn"], told)

    def _of(self, arn: str, told: _Told) -> Iterator[str]:
        states, name = self.session.cloud.client("stepfunctions"), arn.rpartition(":")[2]
        described = states.describe_execution(executionArn=arn)
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        table = rows(event for page in pages for event in page["events"])
        going, timeline = described["status"] == "RUNNING", self.session.bedrock.timeline()
        over = settled(table) if going else len(table)
        for row in table[told.states : over]:
            line = state_line(row, described.get("stopDate") or timeline.now, timeline)
            yield f"{name}: {MARKS[line.status]} {', '.join(filter(None, (line.name, line.seconds, line.note)))}"
        told.states, told.ended = max(told.states, over), not going
        if not going:
            yield from self._end(name, described)

    def _end(self, name: str, described: Mapping[str, Any]) -> Iterator[str]:
        """How an execution ended, and where its pages are."""
        evaluation = json.loads(described.get("output") or "{}").get("evaluation") or {}
        why = evaluation.get("reason") or described.get("cause") or ""
        word = described.get("error") or described["status"]
        yield f"{name}: {word}{f': {why}' if why else ''}"
        s3, bucket = self.session.cloud.client("s3"), self.session.outputs["ArtifactBucketName"]
        folder = f"runs/{name[:-25]}/{name[-24:]}/"
        listed = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
        for entry in (entry for page in listed for entry in page.get("Contents", [])):
            if path := path_of(entry["Key"]):
                yield f"{name}: {self.address}{path}"

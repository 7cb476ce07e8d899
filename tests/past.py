"""Runs in an account for tests of the commands that look at runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from finetune.aws import clients, executions, runs, storage
from finetune.aws.executions import Execution
from finetune.domain.catalog import base_model
from finetune.run import DatasetDropped, Run
from finetune.settings import Settings
from tests.stacks import Stack
from tests.template import ARTIFACTS, DATASETS

BEGAN = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
JUDGED: Mapping[str, Any] = {
    "decision": "promote",
    "reason": "The custom model is better than the base model.",
    "metric": "exact_match",
    "metric_title": "Exact match",
    "base_score": 0.25,
    "champion_score": None,
    "candidate_score": 0.5,
    "difference": 0.25,
    "interval": [0.125, 0.375],
    "notes": ["This was look 1."],
}


@dataclass
class Runs:
    """Runs that were planned, each with an execution; what ended is described by `ended`."""

    stack: Stack
    patched: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.ends = dict[str, Execution]()
        look = executions.look
        self.patched.setattr(executions, "look", lambda client, arn: self.ends.get(arn) or look(client, arn))

    def add(self, project: str, number: int, **settings: Any) -> Run:
        """A run whose execution is in its first state."""
        given = DatasetDropped(
            bucket=DATASETS,
            key=f"incoming/{project}/data.jsonl",
            version_id=f"v{number}",
            event_time=BEGAN + timedelta(minutes=number),
        )
        run = runs.identify(given, artifact_bucket=ARTIFACTS, execution_arn="")
        arn = self.stack.account.start(run.endpoint_name, json.loads(given.model_dump_json()))
        run = run.model_copy(update={"execution_arn": arn})
        assert runs.claim(clients.s3(), run)
        found = Settings.model_validate(settings)
        return runs.plan(clients.s3(), run, found, base_model(found.base_model), None)

    def ended(self, run: Run, status: str = "SUCCEEDED", **told: Any) -> None:
        """Let the execution have ended two hours after it began, and a day ago."""
        output = orjson.dumps(told.pop("output", {})).decode()
        self.ends[run.execution_arn] = Execution(
            arn=run.execution_arn,
            status=status,
            redrives=0,
            started=BEGAN,
            stopped=BEGAN + timedelta(hours=2),
            as_of=BEGAN + timedelta(days=1),
            output=output if status == "SUCCEEDED" else None,
            **told,
        )

    def write(self, run: Run, name: str, content: Any) -> None:
        storage.write_json(clients.s3(), run.uri(name), content)

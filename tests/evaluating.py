"""What tests of the evaluation work on: an S3 and a model in memory, a run, and items."""

from __future__ import annotations

import io
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from botocore.exceptions import ClientError
from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
from mypy_boto3_s3 import S3Client

from finetune.contracts import (
    EvaluateShardInput,
    JudgeEvaluationInput,
    PrepareDatasetOutput,
    SelectModelOutput,
    ValidateDatasetOutput,
)
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.llm_judge import CRITERIA
from finetune.domain.json_lines import to_jsonl
from finetune.parts import Endpoint, Shard
from finetune.run import Champion, ObjectVersion, Run
from finetune.settings import Settings

BASE = "amazon.nova-micro-v1:0"
ENDPOINT = Endpoint(kind="on_demand", name="endpoint", arn="arn:endpoint")


def refusal(code: str, operation: str = "Converse") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


@dataclass
class Bucket:
    """As much of S3 as the evaluation uses; `puts` counts the writes by key."""

    objects: dict[str, bytes] = field(default_factory=dict)
    puts: Counter[str] = field(default_factory=Counter)

    @property
    def client(self) -> S3Client:
        return cast("S3Client", self)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's own names
        if f"{Bucket}/{Key}" not in self.objects:
            raise refusal("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_more: object) -> None:  # noqa: N803 - S3's own names
        self.objects[f"{Bucket}/{Key}"] = Body
        self.puts[Key] += 1

    def get_paginator(self, _name: str) -> Bucket:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803 - S3's own names
        found = [name.partition("/")[2] for name in sorted(self.objects) if name.startswith(f"{Bucket}/{Prefix}")]
        return [{"Contents": [{"Key": key} for key in found]}]


def reply(text: str, stop_reason: str = "end_turn") -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
        "metrics": {"latencyMs": 120},
    }


@dataclass
class Model:
    """Bedrock's runtime as a function of a request; `requests` keeps what was asked."""

    answer: Callable[[dict[str, Any]], dict[str, Any]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def client(self) -> BedrockRuntimeClient:
        return cast("BedrockRuntimeClient", self)

    def converse(self, **request: Any) -> dict[str, Any]:
        with self.lock:
            self.requests.append(request)
        return self.answer(request)

    def asked(self, model_id: str) -> list[str]:
        """The last turn of every request to a model."""
        return [each["messages"][-1]["content"][0]["text"] for each in self.requests if each["modelId"] == model_id]


def items(count: int, **more: Any) -> tuple[EvaluationItem, ...]:
    plain: dict[str, Any] = {"reference": "Within 30 days."}
    return tuple(
        EvaluationItem(
            id=f"item-{number}",
            line=number + 1,
            messages=(Turn(role="user", text=f"Question {number}?"),),
            **(plain | more),
        )
        for number in range(count)
    )


def run(
    champion: str | None = None, settings: Mapping[str, Any] | None = None, run_id: str = "20261121-112233-0a1b2c3d"
) -> Run:
    return Run(
        run_id=run_id,
        project="shop",
        slug="shop",
        execution_arn="arn:execution",
        first_delivery=True,
        folder=f"s3://artifacts/runs/shop/{run_id}",
        dataset=ObjectVersion(bucket="data", key="incoming/shop/a.jsonl", version_id="1"),
        settings=Settings.model_validate(settings or {}),
        endpoint_name="endpoint",
        champion=Champion(endpoint_arn="arn:service", model_arn=champion, run_id="20261120-112233-0a1b2c3d")
        if champion
        else None,
    )


def prepared(asked: tuple[EvaluationItem, ...], bucket: Bucket, planned: Run) -> PrepareDatasetOutput:
    uri = planned.uri("staged/evaluation.jsonl")
    bucket.objects[uri.removeprefix("s3://")] = to_jsonl(asked)
    return PrepareDatasetOutput(
        training_uri="s3://artifacts/training",
        validation_uri=None,
        evaluation_uri=uri,
        training_records=100,
        validation_records=10,
        evaluation_items=len(asked),
        duplicates=0,
        leaked=0,
        refused_items=0,
        refused_lines=(),
        training_tokens=1000,
        estimated_usd=1.0,
        within_budget=True,
        budget_reason="",
        shards=(Shard(index=0, first=0, count=len(asked)),),
    )


def trained(model_arn: str = "arn:model") -> SelectModelOutput:
    return SelectModelOutput(outcome="trained", reason="", candidate=1, model_arn=model_arn, job_arn="arn:job/abc")


def shard(
    asked: tuple[EvaluationItem, ...], bucket: Bucket, planned: Run, model_arn: str = "arn:model"
) -> EvaluateShardInput:
    return EvaluateShardInput(
        run=planned,
        prepared=prepared(asked, bucket, planned),
        model=trained(model_arn),
        endpoint=ENDPOINT,
        shard=Shard(index=0, first=0, count=len(asked)),
    )


def judgement(of: EvaluateShardInput, **more: Any) -> JudgeEvaluationInput:
    validation = ValidateDatasetOutput(
        accepted=True,
        format="conversation",
        lines=120,
        records=120,
        problems=0,
        warnings=0,
        counts={},
        first_problems=(),
        report_uri="",
    )
    return JudgeEvaluationInput(
        run=of.run, prepared=of.prepared, model=of.model, validation=validation, endpoint=of.endpoint, **more
    )


def numbers(value: int) -> dict[str, int]:
    return dict.fromkeys(CRITERIA, value)


def calls_tool(first: Any, second: Any) -> dict[str, Any]:
    answer = reply("", "tool_use")
    tool = {"toolUseId": "1", "name": "rate_answers", "input": {"answer_1": first, "answer_2": second}}
    answer["output"]["message"]["content"] = [{"toolUse": tool}]
    return answer


def shown(asked: dict[str, Any], name: str) -> str:
    """What stands between the markers of a part, found by the markers that the rubric names."""
    boundary = re.findall(r"with the number (\w+)", asked["system"][0]["text"])[0]
    text = asked["messages"][0]["content"][0]["text"]
    inside: list[str] = re.findall(
        rf"\[\[{name} {boundary}\]\]\n(.*?)\n\[\[end of {name} {boundary}\]\]", text, re.DOTALL
    )
    assert len(inside) == 1
    return inside[0]

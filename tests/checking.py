"""Records as people write them, and what a check finds in them."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st

from finetune.domain.catalog import base_model
from finetune.domain.records.record import Unit
from finetune.domain.records.source import Source
from finetune.domain.validation.check import Role, check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules, rules_for

NOVA_MICRO = "amazon.nova-micro-v1:0:128k"
NOVA_PRO = "amazon.nova-pro-v1:0:300k"
NOVA_2_LITE = "amazon.nova-2-lite-v1:0:256k"
LLAMA_31 = "meta.llama3-1-8b-instruct-v1:0:128k"
LLAMA_33 = "meta.llama3-3-70b-instruct-v1:0:128k"
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0:200k"
CANVAS = "amazon.nova-canvas-v1:0"
TITAN = "amazon.titan-text-express-v1:0:8k"
GOOD = b'{"prompt": "two plus two", "completion": "four"}'
OTHER = b'{"prompt": "three plus three", "completion": "six"}'


def rules(
    model: str = NOVA_MICRO, media_size: Callable[[str], int | None] | None = None, **overrides: Any
) -> DatasetRules:
    overrides = {"minimum_records": 0, **overrides}
    asked = rules_for(base_model(model), overrides.pop("method", "FINE_TUNING"), **overrides)
    return replace(asked, media_size=media_size)


def check(
    data: bytes,
    model: str = NOVA_MICRO,
    suffix: str = ".jsonl",
    role: Role = "training",
    lint: bool = False,
    **overrides: Any,
) -> DatasetReport:
    return check_dataset([data], suffix=suffix, rules=rules(model, **overrides), role=role, lint=lint)


def found(report: DatasetReport) -> dict[str, list[int | None]]:
    lines: dict[str, list[int | None]] = {}
    for finding in (*report.problems, *report.warnings):
        lines.setdefault(finding.code, []).append(finding.line)
    return lines


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def bedrock(*turns: tuple[str, Any], **extra: Any) -> bytes:
    messages = [{"role": role, "content": [{"text": c}] if isinstance(c, str) else c} for role, c in turns]
    return line({"schemaVersion": "bedrock-conversation-2024", **extra, "messages": messages})


def chat(*turns: tuple[str, Any], **extra: Any) -> bytes:
    return line({**extra, "messages": [{"role": role, "content": content} for role, content in turns]})


ASK, SAY = ("user", "two plus two"), ("assistant", "four")


def image(uri: str = "s3://bucket/cat.png", kind: str = "image", form: str = "png", **location: Any) -> dict[str, Any]:
    return {kind: {"format": form, "source": {"s3Location": {"uri": uri, **location}}}}


def with_image(*blocks: Any) -> bytes:
    return bedrock(("user", [{"text": "what is it"}, *blocks]), ("assistant", "a cat"))


REASONED = [{"reasoningContent": {"reasoningText": {"text": "2 + 2"}}}, {"text": "four"}]


def numbered(count: int) -> bytes:
    return b"\n".join(line({"prompt": f"question {n}", "completion": "x"}) for n in range(count))


def rows(table: dict[str, tuple[bytes, dict[str, list[int | None]]]]) -> list[Any]:
    return [pytest.param(data, expected, id=name) for name, (data, expected) in table.items()]


def units(pieces: list[bytes], suffix: str = ".jsonl") -> tuple[list[tuple[int, Unit]], int]:
    source = Source(pieces, suffix)
    found = [(line, unit) for first, block in source for line, unit in enumerate(block, first)]
    return found, source.lines


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[low:high] for low, high in pairwise(edges)]


TEXTS = st.lists(
    st.sampled_from([b"a", b"[", b"]", b"{", b"}", b",", b'"', b"\\", b"\n", b"\r", b"\r\n", b" ", b"1", b";"]),
    max_size=40,
).map(b"".join)

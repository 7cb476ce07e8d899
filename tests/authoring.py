"""What tests of `finetune_cli.authoring` work on: small datasets, cleaned for a base model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from finetune.domain.catalog import base_model
from finetune.domain.findings import Place
from finetune.domain.records.record import Record
from finetune.domain.records.source import Source
from finetune.domain.validation.rules import DatasetRules, rules_for
from finetune_cli.authoring.cleaning import Change, clean, fixed, ignore
from finetune_cli.authoring.mending import mend

NOVA = rules_for(base_model("amazon.nova-micro-v1:0:128k"), "FINE_TUNING")


LLAMA = rules_for(base_model("meta.llama3-1-8b-instruct-v1:0:128k"), "FINE_TUNING")


def jsonl(values: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def source(data: bytes, suffix: str = ".jsonl") -> Callable[[], Source]:
    return lambda: Source([data], suffix)


def pair(number: int) -> dict[str, str]:
    return {"prompt": f"Question number {number}?", "completion": f"The answer is {number}."}


def turns(*roles_and_texts: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": role, "content": text}
            for role, text in zip(roles_and_texts[::2], roles_and_texts[1::2], strict=True)
        ]
    }


def fix(values: Iterable[Any], rules: DatasetRules = NOVA) -> tuple[list[Any], list[Change]]:
    changes: list[Change] = []
    lines = list(fixed(source(jsonl(values)), rules, changes.append, mend))
    return [json.loads(line) for line in lines], changes


def records_of(values: Iterable[Any]) -> list[tuple[Place, Record]]:
    return list(clean(Source([jsonl(values)], ".jsonl"), NOVA, ignore))

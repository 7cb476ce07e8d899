"""What tests of the split work on: records, and a preparation with what was written."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.similarity.identity import normalised
from finetune.domain.staging.shares import Shares
from finetune.domain.staging.stage import Inputs, PreparedDataset, Sinks, prepare_dataset
from finetune.domain.validation.rules import rules_for

NOVA = "amazon.nova-micro-v1:0:128k"
NOVA_PRO = "amazon.nova-pro-v1:0:300k"
NOVA_2_LITE = "amazon.nova-2-lite-v1:0:256k"
LLAMA_31 = "meta.llama3-1-8b-instruct-v1:0:128k"
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0:200k"
CANVAS = "amazon.nova-canvas-v1:0"
TITAN = "amazon.titan-text-express-v1:0:8k"
COHERE = "cohere.command-text-v14:7:4k"


class Prepared:
    """A preparation with what was written."""

    def __init__(
        self,
        lines: Sequence[bytes],
        *,
        model: str = NOVA,
        shares: tuple[float, float] | tuple[float, float, int] = (0.1, 0.1),
        seed: int = 7,
        suffix: str = ".jsonl",
        items: Sequence[EvaluationItem] | None = None,
        validation: Sequence[bytes] | None = None,
        minimum: int | None = 0,
        method: Any = "FINE_TUNING",
        **options: Any,
    ) -> None:
        sinks = Sinks(io.BytesIO(), io.BytesIO(), io.BytesIO())
        self.result: PreparedDataset = prepare_dataset(
            Inputs(
                lambda: [b"\n".join(lines)],
                suffix,
                evaluation_items=items or (),
                validation=None if validation is None else lambda: [b"\n".join(validation)],
            ),
            rules_for(base_model(model), method, minimum_records=minimum),
            Shares(*shares),
            seed,
            sinks,
            **options,
        )
        self.training, self.validation, self.evaluation = (
            sink.getvalue()  # type: ignore[attr-defined]  # the sinks are BytesIO here
            for sink in (sinks.training, sinks.validation, sinks.evaluation)
        )

    @property
    def sizes(self) -> tuple[int, int, int]:
        files = (self.result.training, self.result.validation, self.result.evaluation)
        return tuple(file.records if file else 0 for file in files)  # type: ignore[return-value]  # three files


def record(prompt: str, completion: str = "yes", **extra: str) -> bytes:
    return json.dumps({**extra, "prompt": prompt, "completion": completion}).encode()


def records(count: int, start: int = 0) -> list[bytes]:
    return [record(f"question number {n}", f"answer {n}") for n in range(start, start + count)]


def prompts(staged: bytes) -> set[bytes]:
    found = set()
    for text in staged.splitlines():
        value = json.loads(text)
        turn = value["messages"][0]
        found.add(normalised(turn["text"] if "text" in turn else turn["content"][0]["text"]))
    return found


def item(prompt: str, number: int = 1) -> EvaluationItem:
    return EvaluationItem(id=f"e{number}", line=number, messages=(Turn(role="user", text=prompt),), reference="yes")


def pictured(question: str, name: str, answer: str = "a cat") -> bytes:
    picture = {"format": "png", "source": {"s3Location": {"uri": f"s3://bucket/projects/shop/media/{name}.png"}}}
    turns = [("user", [{"text": question}, {"image": picture}]), ("assistant", [{"text": answer}])]
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in turns]}).encode()

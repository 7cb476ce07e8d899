"""The prompts of a file and the answers to them, each with the line that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.findings import json_type
from finetune.domain.records.conversion import turn_text
from finetune.domain.records.reading import read_question
from finetune.domain.records.record import Reading
from finetune_cli.answer import UsageFailure
from finetune_cli.files import name_of, readable

MOST_PROMPTS, MOST_BYTES = 50_000, 256 * 1024 * 1024


def read(path: Path, system: str | None) -> list[EvaluationItem]:
    """The prompts of a file; UsageFailure names the first line that is none, before anything is asked."""
    suffix = readable(path).suffix.lower()
    if suffix not in {".jsonl", ".txt"}:
        raise UsageFailure(f"{name_of(path)}: the name of a file of prompts ends in .jsonl or .txt.")
    if path.stat().st_size > MOST_BYTES:
        raise UsageFailure(f"{name_of(path)} has more than {MOST_BYTES >> 20} MiB; split it.")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise UsageFailure(f"{name_of(path)} is not UTF-8; save it in that encoding.") from None
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered or len(numbered) > MOST_PROMPTS:
        what = f"more than {MOST_PROMPTS:,} prompts; split it" if numbered else "no prompts"
        raise UsageFailure(f"{name_of(path)} has {what}.")
    if suffix == ".txt":
        return [_item(number, (Turn(role="user", text=text),), system) for number, text in numbered]
    return [_read(path, number, text, system) for number, text in numbered]


def _item(number: int, turns: tuple[Turn, ...], system: str | None) -> EvaluationItem:
    return EvaluationItem(id=str(number), line=number, system=system, messages=turns)


def _read(path: Path, number: int, text: str, system: str | None) -> EvaluationItem:
    where = f"{name_of(path)}, line {number}"
    try:
        value = json.loads(text)
    except ValueError:
        raise UsageFailure(f"{where} is not JSON; each line is an object with prompt or messages.") from None
    if not isinstance(value, dict):
        raise UsageFailure(f"{where} is {json_type(value)}, not an object with prompt or messages.")
    if ("prompt" in value) == ("messages" in value):
        raise UsageFailure(f"{where} needs the key prompt or the key messages, one of the two.")
    reading = Reading()
    question = read_question(value, reading)
    if reading.errors:
        raise UsageFailure(f"{where}: {reading.errors[0].message}.")
    if question.sections - {"system"}:
        raise UsageFailure(f"{where} holds media or reasoning; prompts are text only.")
    turns = tuple(Turn(role=turn["role"], text=turn_text(turn)) for turn in question.messages)
    asked = turns[:-1] if turns[-1].role == "assistant" else turns
    return _item(number, asked, question.system or system)


def mark(item: EvaluationItem, model: str, parameters: Mapping[str, Any]) -> str:
    """What an answer depends on, so that one to another question or by another model is not taken for it."""
    asked = {"system": item.system, "messages": [turn.model_dump() for turn in item.messages]}
    return sha256(json.dumps([asked, model, parameters], sort_keys=True).encode()).hexdigest()[:16]


def answered(path: Path) -> dict[tuple[int, str], dict[str, Any]]:
    """What an earlier call has written, by line and mark, the last of each; UsageFailure when it is something else.

    A last line that was cut by an interruption is not there.
    """
    if not path.exists():
        return {}
    found = dict[tuple[int, str], dict[str, Any]]()
    lines = readable(path).read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line) if line.strip() else None
            if value is not None:
                found[int(value["line"]), str(value["asked"])] = value
        except (ValueError, KeyError, TypeError):
            if number < len(lines):
                raise UsageFailure(
                    f"{name_of(path)} holds something else than answers of this command; name another file with --out."
                ) from None
    return found


def write(path: Path, answers: Iterable[Mapping[str, Any]]) -> None:
    """All answers in the order of their prompts, completely or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text("".join(json.dumps(each) + "\n" for each in answers), encoding="utf-8")
    beside.replace(path)

"""Leaves out marks of old exports: what answers end with so that a model stops, and what parts a prompt from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from finetune.domain.findings import Place
from finetune.domain.records.record import Record
from finetune.domain.validation.style import common_mark
from finetune.domain.validation.templates import marker, separator
from finetune_cli.authoring.cleaning import Change, Note


class Marks(NamedTuple):
    """What answers and prompts of a dataset end with; empty where they end with their own words."""

    answer: str = ""
    prompt: str = ""


def common_marks(records: Iterable[Record]) -> Marks:
    """The marks that a check warns of, of all records."""
    answers, prompts, seen = Counter[str](), Counter[str](), 0
    for record in records:
        if record.messages:
            seen += 1
            answers[marker(_last(record, -1))] += 1
            prompts[separator(_last(record, -2))] += 1
    return Marks(common_mark(answers, seen), common_mark(prompts, seen))


def unmarked(records: Iterable[tuple[Place, Record]], marks: Marks, note: Note) -> Iterator[tuple[Place, Record]]:
    """The records without the marks, also at the ends of their earlier turns."""
    for place, record in records:
        if record.messages and any(marks):
            left_out = [_strip(record, turn, marks) for turn in range(len(record.messages))]
            if any(left_out):
                note(Change.at(place, "changed", "end-marker", "is without the marks at the ends of its texts"))
        yield place, record


_MARK_OF: dict[str, Callable[[str], str]] = {"assistant": marker, "user": separator}


def _last(record: Record, turn: int) -> str:
    """The last text of a turn."""
    texts: list[str] = [block["text"] for block in record.messages[turn]["content"] if "text" in block]
    return texts[-1] if texts else ""


def _strip(record: Record, turn: int, marks: Marks) -> bool:
    """Take the mark from the end of a turn; false where it has none, or nothing else."""
    role = record.messages[turn]["role"]
    mark = marks.answer if role == "assistant" else marks.prompt
    text = _last(record, turn)
    if not mark or _MARK_OF[role](text) != mark or not (bare := text.rstrip().removesuffix(mark).rstrip()):
        return False
    for block in reversed(record.messages[turn]["content"]):
        if "text" in block:
            block["text"] = bare
            break
    blocks = [block["text"] for turn in record.messages for block in turn["content"] if "text" in block]
    record.texts[:] = [*([] if record.system is None else [record.system]), *blocks]
    return True

"""Write what is staged: converted, shuffled by its hashes as far as a window reaches, counted and hashed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from itertools import batched, compress
from operator import itemgetter
from typing import Any, BinaryIO

import orjson

from finetune.domain.records.conversion import convert, convert_texts, folded_prompt, turn_text
from finetune.domain.records.lines import Lines
from finetune.domain.records.reading import read_unit
from finetune.domain.records.record import Disposition, Record
from finetune.domain.records.shortcut import Plain, record_of, runs
from finetune.domain.records.source import Source
from finetune.domain.tokens import estimate, most
from finetune.domain.validation.rules import DatasetRules
from finetune.domain.validation.survey import ONLY, Survey

_CHANGED = "the dataset is not the one that was surveyed"


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One staged file; `sha256` is hexadecimal. It has at most `most_tokens`, by the stated error of the estimate."""

    records: int
    bytes: int
    sha256: str
    estimated_tokens: int
    most_tokens: int = 0


class Writer:
    """A sink with what went into it, and the lines that wait to be written in the order of their hashes."""

    def __init__(self, sink: BinaryIO, provider: str) -> None:
        self._sink, self._digest, self._provider = sink, sha256(), provider
        self.records = self._bytes = self._tokens = self._most = 0
        self._orders: list[int] = []
        self._lines: list[bytes] = []
        self.waiting_bytes = 0

    def extend(self, orders: Iterable[int], lines: Iterable[bytes], tokens: Iterable[int]) -> None:
        """Let lines wait, which come without their ends."""
        before, counts = len(self._lines), list(tokens)
        self._orders += orders
        self._lines += lines
        self._tokens += sum(counts)
        self._most += sum(
            most(count, self._lines[before + index], self._provider) for index, count in enumerate(counts)
        )
        self.waiting_bytes += sum(map(len, self._lines[before:]))

    def flush(self) -> None:
        lines = dict(zip(self._orders, self._lines, strict=True))
        ordered = map(lines.__getitem__, sorted(lines))
        if len(lines) < len(self._lines):  # some have the same hash
            ordered = map(itemgetter(1), sorted(zip(self._orders, self._lines, strict=True)))
        for part in batched(ordered, 1_000, strict=False):
            self._write(b"\n".join((*part, b"")), len(part))
        self._orders.clear()
        self._lines.clear()
        self.waiting_bytes = 0

    def write(self, line: bytes, tokens: int) -> None:
        """Write one line with its end at once."""
        self._write(line, 1)
        self._tokens += tokens
        self._most += most(tokens, line, self._provider)

    def _write(self, data: bytes, records: int) -> None:
        self._sink.write(data)
        self._digest.update(data)
        self.records += records
        self._bytes += len(data)

    def staged(self) -> StagedFile | None:
        if not self.records:
            return None
        return StagedFile(self.records, self._bytes, self._digest.hexdigest(), self._tokens, self._most)


Writers = Mapping[Disposition, Writer]


def write(
    source: Source,
    survey: Survey,
    rules: DatasetRules,
    writers: Writers,
    window_bytes: int,
    left_out: Collection[bytes] = (),
) -> bool:
    """Convert what is staged, and write it in the order of its hashes as far as a window reaches.

    Records whose staged line is in `left_out` do not train. Returns whether everything went through one window.
    """
    count = flushed = 0
    for first, units in source:
        if count + len(units) > len(survey.dispositions):
            raise ValueError(_CHANGED)
        if left_out:
            _leave_out(survey, rules, count, units, left_out)
        _stage(survey, rules, count, first, units, writers)
        count += len(units)
        if sum(writer.waiting_bytes for writer in writers.values()) > window_bytes:
            flushed += 1
            _flush(writers)
    if count != len(survey.dispositions):
        raise ValueError(_CHANGED)
    _flush(writers)
    return not flushed


def _flush(writers: Writers) -> None:
    for writer in writers.values():
        writer.flush()


def _leave_out(
    survey: Survey, rules: DatasetRules, before: int, units: Sequence[Any], left_out: Collection[bytes]
) -> None:
    """Take the records of one block out of training whose staged lines are named, as evaluation items ask the same."""
    for index, unit in enumerate(units, before):
        if survey.dispositions[index] != Disposition.TRAINING:
            continue
        as_is = bytes.strip if isinstance(units, Lines) else _one_line
        line = as_is(unit) if survey.copied[index] else _converted(unit, None, 0, rules)
        if line in left_out:
            survey.dispositions[index], survey.copied[index] = Disposition.IN_EVALUATION, 0


def _stage(survey: Survey, rules: DatasetRules, before: int, line: int, units: Sequence[Any], writers: Writers) -> None:
    """Hand what is staged of one block to its writers; lines that are staged as they are need not be parsed again."""
    block = slice(before, before + len(units))
    dispositions, copied = survey.dispositions[block], survey.copied[block]
    orders, tokens = survey.orders[block], survey.tokens[block]
    for disposition, writer in writers.items():
        if disposition in copied:
            own = copied.translate(ONLY[disposition])
            lines = map(bytes.strip if isinstance(units, Lines) else _one_line, compress(units, own))
            writer.extend(compress(orders, own), lines, compress(tokens, own))
    needed = [index for index, disposition in enumerate(dispositions) if disposition in writers and not copied[index]]
    # Lines are parsed many at once, and fastest if all of a block are.
    parsed = units if len(needed) == len(units) else [units[index] for index in needed]
    at = iter(needed)
    for _, part, plain in runs(0, parsed):
        for offset, (unit, index) in enumerate(zip(part, at, strict=False)):
            disposition = Disposition(dispositions[index])
            if disposition == Disposition.EVALUATION:
                data, tokens[index] = _question(_record(unit, plain, offset), line + index, rules)
            else:
                data = _converted(unit, plain, offset, rules)
            writers[disposition].extend((orders[index],), (data,), (tokens[index],))


def _converted(unit: Any, plain: Plain | None, offset: int, rules: DatasetRules) -> bytes:
    """A record in the base model's format; the columns it stands in spare making it, unless a text holds a zero."""
    if plain:
        _, sections, turns = plain.shapes[offset]
        texts = plain.texts[offset].split("\0")
        if len(texts) == turns + len(sections):
            return convert_texts(texts, sections, rules.record_format)
    return convert(_record(unit, plain, offset), rules.record_format)


def _record(unit: Any, plain: Plain | None, offset: int) -> Record:
    """The record of a unit, from the columns where it stands in them."""
    if plain and (record := record_of(plain, offset)):
        return record
    reading = read_unit(unit)
    if reading is None or reading.record is None:
        raise ValueError(_CHANGED)
    return reading.record


def _one_line(element: bytes) -> bytes:
    """An element of an array without the line ends and the indentation of one that was laid out to be read."""
    return orjson.dumps(orjson.loads(element)) if b"\n" in element else element.strip()


def _question(record: Record, line: int, rules: DatasetRules) -> tuple[bytes, int]:
    """A held-out record as an evaluation item, asked in the way that the model is trained on, and its tokens.

    Gives the bytes that `to_jsonl` would, without making an item.
    """
    *asked, answer = record.messages
    system, reference = record.system, turn_text(answer)
    turns = [{"role": turn["role"], "text": turn_text(turn)} for turn in asked]
    if rules.record_format == "prompt_completion":
        system, turns = None, [{"role": "user", "text": folded_prompt(record)}]
    content = convert(record, rules.record_format)
    item: dict[str, Any] = {"id": "i" + blake2b(content, digest_size=6).hexdigest(), "line": line}
    if system is not None:
        item["system"] = system
    item |= {"messages": turns, "reference": reference, "expected_keywords": []}
    texts = (system or "", *(turn["text"] for turn in turns), reference)
    return orjson.dumps(item), estimate("".join(texts), rules.provider)

"""Validate a dataset: everything that would fail a job or spoil a model, by line, before it costs anything."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import merge
from itertools import batched, chain, compress, islice
from operator import add, itemgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from finetune.domain.findings import CODES, Flaw, Ledger, OnFinding
from finetune.domain.records.conversion import rewarded
from finetune.domain.records.reading import read_unit
from finetune.domain.records.record import Disposition, Record, Unit
from finetune.domain.records.shortcut import Plain, Shape, counted, runs
from finetune.domain.records.source import Source
from finetune.domain.similarity.identity import all_normalised, exact_of, identity_of, media_of
from finetune.domain.similarity.repetition import Repetitions
from finetune.domain.tokens import errors
from finetune.domain.validation.left_out import LeftOut
from finetune.domain.validation.lint import Lint
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules, RecordCheck

if TYPE_CHECKING:
    from finetune.domain.validation.survey import Surveyor


Role = Literal["training", "validation"]
_TURNS = itemgetter(2)

# Repetitions are looked for among this many different records, far more than any base model for text takes; that is
# 30 MB. What repeats a record behind these counts towards the bounds.
REMEMBERED = 300_000
# Ways in which names were read, of which each is told.
_MOST_SAID = 8


def check_dataset(  # noqa: PLR0913 - each is a choice of its own that the caller makes
    chunks: Iterable[bytes],
    *,
    suffix: str,
    rules: DatasetRules,
    role: Role = "training",
    entries_per_code: int = 20,
    counted_elsewhere: int = 0,
    lint: bool = True,
    surveyor: Surveyor | None = None,
    on_finding: OnFinding | None = None,
) -> DatasetReport:
    """Check a byte stream against the rules of a base model in one pass and bounded memory.

    `suffix` is one of `SUFFIXES`. `counted_elsewhere` is the number of records in the other file, training or
    validation, for models that count both together.

    Without `lint` the check looks only for what Bedrock would refuse and for exact duplicates. A `surveyor` notes every
    unit for the split. `on_finding` gets every finding; the report keeps the first `entries_per_code` of each code.
    With `on_finding`, memory also holds the lines of all good records, as runs of neighbours.
    """
    check = _Check(rules, role, Ledger(entries_per_code, rules.errors, on_finding), lint, surveyor)
    report = check.run(Source(chunks, suffix, rules.columns), counted_elsewhere)
    if check.surveyor:
        check.surveyor.finish()
    return report


class _Range:
    """Least, mean, greatest and sum of what was added."""

    def __init__(self) -> None:
        self.count = self.total = self.most = self.least = 0

    def add(self, values: Sequence[int]) -> None:
        if values:
            least, most = min(values), max(values)
            self.least = min(self.least, least) if self.count else least
            self.most = max(self.most, most)
            self.total += sum(values)
            self.count += len(values)

    def as_dict(self) -> dict[str, float]:
        mean = round(self.total / self.count, 2) if self.count else 0
        return {"min": self.least, "mean": mean, "max": self.most, "total": self.total}


class _Group:
    """Records of one format with the same optional sections: how many, and the lines of those that were noted.

    Of neighbouring lines the first and the last are kept, so that those of a uniform dataset take no memory.
    """

    __slots__ = ("_runs", "records")

    def __init__(self) -> None:
        self.records = 0
        self._runs = array("Q")

    def note(self, lines: Sequence[int]) -> None:
        """Keep lines that follow those that were kept before."""
        for run in (lines,) if isinstance(lines, range) else zip(lines, strict=True):
            if self._runs and self._runs[-1] + 1 == run[0]:
                self._runs[-1] = run[-1]
            else:
                self._runs.extend((run[0], run[-1]))

    def lines(self) -> Iterator[int]:
        """All lines that were noted, in order."""
        return chain.from_iterable(range(first, last + 1) for first, last in batched(self._runs, 2, strict=True))


def _records(groups: Iterable[_Group]) -> int:
    return sum(group.records for group in groups)


class _Batch(NamedTuple):
    """Records that pass on their own, in columns.

    `media` are the references of those that have any; `identities` are `all_normalised` of the texts, or nothing where
    nobody asks for them.
    """

    lines: Sequence[int]
    texts: Sequence[str]
    shapes: Sequence[Shape]
    characters: Sequence[int]
    tokens: Sequence[int]
    media: Sequence[str]
    identities: Sequence[bytes]

    def without(self, indexes: Collection[int]) -> _Batch:
        """The batch without the records at some indexes."""
        if not indexes:
            return self
        keep = [index not in indexes for index in range(len(self.texts))]
        columns: list[list[Any]] = [list(compress(column, keep)) for column in self]
        return _Batch(*columns)


class _Check:
    def __init__(self, rules: DatasetRules, role: Role, ledger: Ledger, lint: bool, surveyor: Surveyor | None) -> None:
        self.rules = rules
        self.role: Role = role
        self.record_check = RecordCheck(rules)
        self.ledger = ledger
        self.lint = Lint(self.ledger) if lint else None
        self.surveyor, self.lost = surveyor, False
        self.blank = self.records = self.rejected = self.duplicates = 0
        self.groups: dict[tuple[str, frozenset[str]], _Group] = {}
        self.rejected_formats: Counter[str] = Counter()
        self.seen = Repetitions(REMEMBERED)
        self.left_out, self.said = LeftOut(), Counter[str]()
        self.distinct: set[int] = set()
        self.ranges = {"turns": _Range(), "characters": _Range(), "tokens": _Range()}

    def run(self, source: Source, counted_elsewhere: int) -> DatasetReport:
        if source.byte_order_mark:
            self.ledger.add(1, "byte-order-mark", "begins with a byte-order mark")
        for first, units in source:
            if self.surveyor and self.surveyor.only_accepted and self._too_many():
                self.surveyor, self.lost = None, True
            for line, part, plain in runs(self.ledger.enter(source.element, first), units):
                if plain:
                    self._add_plain(line, plain)
                else:
                    self._add_unit(line, part[0])
        if source.flaw:
            self.ledger.add(None, *source.flaw)
        elif not self.records and not self.rejected:
            self.ledger.add(None, "empty-dataset", "the file holds no records")
        self._tell_of_names()
        if not source.flaw and self.records:
            self._check_formats()
            self._check_bounds(counted_elsewhere)
        if self.seen.overflowed:
            message = f"repetitions were looked for only among the first {REMEMBERED:,} different records"
            self.ledger.add(None, "lint-sampled", message)
        if self.lint:
            self.lint.finish(name=self.rules.name, enough=self.role == "validation")
        return self._report(source)

    def _tell_of_names(self) -> None:
        """What is held under names that nobody reads, and how names of other programs were read."""
        for flaw in self.left_out.content():
            self.ledger.add(None, *flaw)
        for said, records in self.said.items():
            self.ledger.add(None, "other-names", f"{said}, in {records:,} record{'' if records == 1 else 's'}")

    def _add_plain(self, line: int, plain: Plain) -> None:
        characters, tokens, flaws = self.record_check.measure_all(plain)
        count = len(plain.texts)
        identities = all_normalised(plain.texts) if self.surveyor or (self.lint and self.lint.looks) else ()
        refused = {
            index for index, found in flaws.items() if self._refused(line + index, found, plain.shapes[index][0])
        }
        if self.surveyor:
            self.surveyor.add_plain(self.ledger.line_of(line), plain, identities, tokens, refused)
        batch = _Batch(range(line, line + count), *plain, characters, tokens, [""] * count, identities)
        self._add(batch.without(refused))

    def _add_unit(self, line: int, unit: Unit) -> None:
        """The slow way to a record, with a finding for everything that is wrong or dropped."""
        record, disposition = self._explained(line, unit)
        if record:
            text = exact_of(record)
            characters, tokens, flaws = self.record_check.measure(record, text)
            if not self._refused(line, flaws, record.format):
                [identity] = all_normalised([text])
                if self.surveyor:
                    self.surveyor.add_record(self.ledger.line_of(line), record, text, identity, tokens)
                shape, media = (record.format, record.sections, len(record.messages)), media_of(record)
                whole = [identity + media.encode()]
                self._add(_Batch([line], [text], [shape], [characters], [tokens], [media], whole))
                return
            disposition = Disposition.REJECTED
        if self.surveyor:
            self.surveyor.leave_out(self.ledger.line_of(line), disposition)

    def _add(self, batch: _Batch) -> None:
        self.records += len(batch.texts)
        turns = list(map(_TURNS, batch.shapes))
        for name, values in zip(self.ranges, (turns, batch.characters, batch.tokens), strict=True):
            self.ranges[name].add(values)
        kinds = Counter[tuple[str, frozenset[str]]]()
        for shape, count in counted(batch.shapes).items() if batch.shapes else ():
            kinds[shape[:2]] += count
        for kind, count in kinds.items():
            group = self.groups.setdefault(kind, _Group())
            if group.records < self.ledger.most_named:
                uniform = count == len(batch.shapes)
                own = batch.lines if uniform else list(compress(batch.lines, (s[:2] == kind for s in batch.shapes)))
                group.note(own)
            group.records += count
        repeated = self._repeated(batch)
        if repeated:
            batch = batch.without(set(repeated))
            turns = list(map(_TURNS, batch.shapes))
        if len(self.distinct) < self.rules.records.minimum:
            for text, media in zip(batch.texts, batch.media, strict=True):
                self.distinct.add(hash(identity_of(text, media)))
        if self.lint and batch.texts:
            self.lint.add(batch.lines, batch.texts, batch.media, turns, batch.identities)

    def _repeated(self, batch: _Batch) -> list[int]:
        keys = list(map(hash, map(add, batch.texts, batch.media) if any(batch.media) else batch.texts))
        repeated = self.seen.repeated(batch.lines, keys)
        self.duplicates += len(repeated)
        for index in repeated:
            if self.ledger.only_counts("duplicate-record"):
                self.ledger.counts["duplicate-record"] += 1
            else:
                message = f"repeats the record of {self.ledger.place_of(self.seen.line_of(keys[index]))}"
                self.ledger.add(batch.lines[index], "duplicate-record", message)
        return repeated

    def _explained(self, line: int, unit: Unit) -> tuple[Record | None, Disposition]:
        """The record of a unit, or what becomes of the unit instead."""
        reading = read_unit(unit)
        if reading is None:
            self.blank += 1
            return None, Disposition.BLANK
        for code, message in (*reading.errors, *reading.warnings):
            self.ledger.add(line, code, message)
        if reading.left_out:
            self.left_out.add(reading.left_out)
        if reading.said and (reading.said in self.said or len(self.said) < _MOST_SAID):
            self.said[reading.said] += 1
        if reading.record is None and (reading.errors or not reading.warnings):
            if reading.format and (flaw := rewarded(reading.format)):
                self.ledger.add(line, *flaw)
            self._reject(reading.format)
            return None, Disposition.REJECTED
        return reading.record, Disposition.NO_UNIT

    def _reject(self, source: str | None) -> None:
        self.rejected += 1
        if source:
            self.rejected_formats[self._resolved(source)] += 1

    def _refused(self, line: int, flaws: list[Flaw], source: str | None) -> bool:
        for code, message in flaws:
            self.ledger.add(line, code, message)
        refused = any(CODES[code].severity == "error" for code, _ in flaws)
        if refused:
            self._reject(source)
        return refused

    def _check_formats(self) -> None:
        formats = self._formats()
        common = max(formats, key=lambda name: _records(formats[name]), default="")
        for name, groups in formats.items():
            if name != common:
                self._add_many("mixed-formats", f"is in the format {name}, most records are {common}", groups)
        self._check_sections(
            [(sections, group) for (name, sections), group in self.groups.items() if self._resolved(name) == common]
        )

    def _resolved(self, name: str) -> str:
        """The format of conversations that read the same in two formats is the one that others of the dataset have."""
        if name != "messages":
            return name
        names = {name for name, _ in self.groups}
        return "anthropic-messages" if "anthropic-messages" in names - {"openai-chat"} else "openai-chat"

    def _formats(self) -> dict[str, list[_Group]]:
        found: dict[str, list[_Group]] = {}
        for (name, _), group in self.groups.items():
            found.setdefault(self._resolved(name), []).append(group)
        return found

    def _check_sections(self, groups: list[tuple[frozenset[str], _Group]]) -> None:
        """Optional sections must be in all records of a conversation dataset or in none."""
        if self.rules.record_format == "prompt_completion":
            systems = sum(group.records for sections, group in groups if "system" in sections)
            if systems:
                message = f"the system prompts of {systems:,} records are written in front of their prompts"
                self.ledger.add(None, "system-in-prompt", message, records=systems)
            return
        code = "section-not-in-all" if self.rules.uniform_sections else "uneven-section"
        for section in sorted(set().union(*(sections for sections, _ in groups))):
            having = [group for sections, group in groups if section in sections]
            lacking = [group for sections, group in groups if section not in sections]
            rare, what = min((having, "has"), (lacking, "lacks"), key=lambda side: _records(side[0]))
            self._add_many(code, f"{what} the section {section!r}, unlike most records", rare)

    def _add_many(self, code: str, message: str, groups: list[_Group]) -> None:
        """A finding for every record of the groups, as far as their lines are known."""
        named = 0
        for line in islice(merge(*(group.lines() for group in groups)), self.ledger.most_named):
            self.ledger.add(line, code, message)
            named += 1
        if unnamed := _records(groups) - named:
            self.ledger.counts[code] += unnamed

    def _check_bounds(self, counted_elsewhere: int) -> None:
        if self.role == "validation" and not self.rules.validation_allowed:
            self.ledger.add(
                None, "validation-not-used", f"{self.rules.name} takes no validation set; the file is not sent"
            )
            return
        bounds = self.rules.bounds(self.role)
        distinct = self._distinct()
        counted = self.rules.counted(distinct, counted_elsewhere)
        if counted.minimum < bounds.minimum:
            self._bound("too-few-records", distinct, counted.minimum, f"asks for at least {bounds.minimum:,}")
        if counted.maximum > bounds.maximum:
            self._bound("too-many-records", distinct, counted.maximum, f"takes at most {bounds.maximum:,}")

    def _distinct(self) -> int:
        normalised = self.lint.normalised_duplicates if self.lint else 0
        distinct = self.records - self.duplicates - normalised
        if len(self.distinct) < self.rules.records.minimum:
            distinct = min(distinct, len(self.distinct))
        return distinct - self.leaked

    @property
    def leaked(self) -> int:
        return self.surveyor.leaked if self.surveyor else 0

    def _too_many(self) -> bool:
        """Whether the dataset is sure to be rejected for the number of its records, whatever follows."""
        return self._distinct() > self.rules.bounds(self.role).maximum

    def _bound(self, code: str, distinct: int, counted: int, asks: str) -> None:
        beside = f" and {counted - distinct:,} in the other file" if counted > distinct else ""
        if self.leaked:
            beside += f", not counting {self.leaked:,} that another set of the project asks"
        held = f"holds {distinct:,} different record{'s' if distinct != 1 else ''}{beside}"
        if self.lost:  # whatever another set asks was looked for no further
            held = f"holds more than {self.rules.bounds(self.role).maximum:,} different records"
        self.ledger.add(None, code, f"{held}; {self.rules.name} {asks} {self.role} records")

    def _report(self, source: Source) -> DatasetReport:
        formats = {name: _records(groups) for name, groups in self._formats().items()} or self.rejected_formats
        systems = sum(group.records for (_, sections), group in self.groups.items() if "system" in sections)
        return DatasetReport.of(
            source,
            self.ledger,
            format=max(formats, key=lambda name: formats[name]) if formats else None,
            blank=self.blank,
            records=self.records,
            rejected=self.rejected,
            distinct=self._distinct(),
            statistics={
                "records": self.records,
                "duplicates": self.duplicates,
                "system_share": round(systems / self.records, 4) if self.records else 0,
                **{name: values.as_dict() for name, values in self.ranges.items()},
                "token_errors": {kind: error._asdict() for kind, error in errors(self.rules.provider).items()},
            },
        )

"""Clean a dataset: keep each record that the base model takes once, and note every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from finetune.domain.catalog import RecordFormat
from finetune.domain.findings import CODES, Flaw, Place
from finetune.domain.records.conversion import convert, rewarded
from finetune.domain.records.reading import read, read_unit
from finetune.domain.records.record import Reading, Record, SourceFormat, Unit
from finetune.domain.records.shortcut import quick
from finetune.domain.records.source import Source
from finetune.domain.similarity.identity import exact_of, prompt_and_identity
from finetune.domain.validation.left_out import LeftOut
from finetune.domain.validation.rules import DatasetRules, RecordCheck
from finetune_cli.answer import UsageFailure


class Change(NamedTuple):
    """One thing that is different now; `line` is the 1-based line of the source, None for the file as a whole."""

    line: int | None
    action: str
    code: str
    message: str

    @classmethod
    def at(cls, place: Place, action: str, code: str, message: str) -> Change:
        """A change of the record at a place."""
        return cls(place.line, action, code, f"{place}: {message}" if place.element else message)

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()

    def __str__(self) -> str:
        return f"{f'line {self.line}: ' if self.line else ''}{self.action}, {self.message}"


Note = Callable[[Change], None]
Mend = Callable[[Any], tuple[Any, list[Flaw]]]


def require_nothing_left_out(source: Source) -> None:
    """UsageFailure where keys that nobody reads hold content, which a better dataset would silently lack."""
    found = LeftOut()
    for _, unit in source.placed():
        if not (type(unit) is bytes and quick(unit)) and (reading := read_unit(unit)):
            found.add(reading.left_out)
    if flaw := next(found.content(), None):
        raise UsageFailure(f"{flaw.message}. {CODES[flaw.code].remedy}")


def clean(source: Source, rules: DatasetRules, note: Note, mend: Mend | None = None) -> Iterator[tuple[Place, Record]]:
    """The records that a base model takes, each once and with its place; `note` gets a Change for each record left out.

    `mend` repairs a JSON value that cannot be read as it is, and lists what it changed.
    """
    first: dict[int, Place] = {}
    for place, record in _taken(source, rules, note, mend):
        earlier = first.setdefault(hash(prompt_and_identity(record)[1]), place)
        if earlier == place:
            yield place, record
        else:
            note(Change.at(place, "removed", "duplicate-record", f"repeats the record of {earlier}"))


def _taken(source: Source, rules: DatasetRules, note: Note, mend: Mend | None) -> Iterator[tuple[Place, Record]]:
    """The records that a base model takes, repeated ones among them."""
    record_check = RecordCheck(rules)
    if source.flaw:
        note(Change(None, "removed", *source.flaw))
    for place, unit in source.placed():
        record = quick(unit) if type(unit) is bytes else None
        if record is None:
            record = _explained(place, unit, note, mend)
        if record is None:
            continue
        refused = [
            flaw for flaw in record_check.measure(record, exact_of(record))[2] if CODES[flaw.code].severity == "error"
        ]
        if refused:
            note(_removal(place, refused))
        else:
            yield place, record


def _explained(place: Place, unit: Unit, note: Note, mend: Mend | None) -> Record | None:
    mended: list[Flaw] = []

    def read_mended(value: Any) -> Reading:
        reading = read(value)
        learned = not (reading.format and rewarded(reading.format))
        if not mend or (learned and not reading.errors):
            return reading
        better, changes = mend(value)
        mended.extend(changes)
        return read(better) if changes else reading

    reading = read_unit(unit, read_mended)
    if reading is None:
        return None
    if reading.errors:
        note(_removal(place, reading.errors))
        return None
    named = [Flaw("other-names", reading.said)] if reading.said else []
    for flaw in (*reading.warnings, *named, *mended):
        note(Change.at(place, "changed", *flaw))
    return reading.record


def _removal(place: Place, flaws: list[Flaw]) -> Change:
    """One removal, also if the record has several flaws."""
    return Change.at(place, "removed", flaws[0].code, "; ".join(flaw.message for flaw in flaws[:3]))


# Names of the same format as a source and as a target.
_SAME: Mapping[RecordFormat, tuple[SourceFormat, ...]] = {
    "conversation": ("bedrock-conversation-2024",),
    "prompt_completion": ("prompt-completion",),
    "anthropic": ("anthropic-messages", "messages"),
    "text_input": ("text",),
    "image_caption": ("image-caption",),
}
Sections = frozenset[str]


def uneven(shapes: Counter[Sections]) -> dict[Sections, str]:
    """Which combinations of optional sections to leave out, with the reason for each.

    After that, each section is in all records or in none. The smaller group of records is left out, because nobody can
    make up a system prompt, media or reasoning.
    """
    left, removed = Counter(shapes), dict[Sections, str]()
    for section in sorted(set().union(*shapes)):
        having = sum(records for shape, records in left.items() if section in shape)
        rare, what = (True, "has") if 2 * having < left.total() else (False, "lacks")
        for shape in [shape for shape in left if (section in shape) is rare]:
            removed[shape] = f"{what} the section {section!r}, unlike most records"
            del left[shape]
    return removed


def cleaned(
    open_source: Callable[[], Source], rules: DatasetRules, note: Note, mend: Mend | None = None
) -> Iterator[tuple[Place, Record]]:
    """What `clean` yields, without the records that have other sections than most; the source is opened twice."""
    odd: Mapping[Sections, str] = {}
    if rules.uniform_sections:
        odd = uneven(Counter(record.sections for _, record in _taken(open_source(), rules, ignore, mend)))
    for place, record in clean(open_source(), rules, note, mend):
        if record.sections in odd:
            note(Change.at(place, "removed", "section-not-in-all", odd[record.sections]))
        else:
            yield place, record


def fixed(
    open_source: Callable[[], Source], rules: DatasetRules, note: Note, mend: Mend | None = None
) -> Iterator[bytes]:
    """The lines of the cleaned dataset in the base model's record format and in the order of the source."""
    formats = Counter[SourceFormat]()
    for _, record in cleaned(open_source, rules, note, mend):
        formats[record.format] += 1
        yield convert(record, rules.record_format) + b"\n"
    for change in conversions(formats, rules):
        note(change)


def conversions(formats: Mapping[SourceFormat, int], rules: DatasetRules) -> Iterator[Change]:
    """The changes to report for records that were converted to the format of a base model."""
    for name, records in formats.items():
        if name not in _SAME[rules.record_format]:
            yield Change(
                None,
                "converted",
                name,
                f"{records:,} record{'' if records == 1 else 's'} from {name} to {rules.record_format}",
            )


def ignore(_: Change) -> None:
    """The note of a pass that only counts."""

"""`finetune prepare`: write a better dataset to another file, and list every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import jsonlines
import orjson

from finetune.domain.catalog import BaseModelRow
from finetune.domain.findings import Place
from finetune.domain.records.conversion import convert
from finetune.domain.records.record import Record, SourceFormat
from finetune.domain.records.source import Source
from finetune.domain.similarity.identity import prompt_and_identity
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import DatasetRules
from finetune_cli import files
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.authoring.augment import Variant, only_in_training
from finetune_cli.authoring.cleaning import Change, Note, cleaned, conversions, ignore, require_nothing_left_out
from finetune_cli.authoring.improve import Selection, select, trait_of
from finetune_cli.authoring.markers import Marks, common_marks, unmarked
from finetune_cli.authoring.mending import answered, mend
from finetune_cli.authoring.variants import variants
from finetune_cli.commands.prepare import HINTS, Options
from finetune_cli.console import Console
from finetune_cli.findings import plural
from finetune_cli.rules import hold_out, row_and_rules, settings_of, taken_no_more

Records = Callable[[Note], Iterator[tuple[Place, Record]]]


class _Changes:
    """Notes every change: as a line for the reader, in a file of its own, or for the answer of `--json`."""

    def __init__(self, file: BinaryIO | None, console: Console) -> None:
        self._writer, self._console = file and jsonlines.Writer(file, dumps=orjson.dumps), console
        self.counts: Counter[str] = Counter()
        self.listed: list[dict[str, Any]] = []

    def __call__(self, change: Change) -> None:
        self.counts[change.action] += 1
        if self._writer:
            self._writer.write(change.as_dict())
        elif self._console.silent:
            self.listed.append(change.as_dict())
        else:
            self._console.say(str(change), hanging=2)


def run(options: Options, console: Console) -> Answer:
    """Write the better dataset; no when the base model would not take it."""
    files.require_rereadable(options.out)
    row, rules = row_and_rules(options)
    path, suffix = files.dataset(options.file, HINTS.get(options.hint or ""))
    if options.changes and options.changes.resolve() == options.out.resolve():
        raise UsageFailure("--out and --changes name the same file.")

    require_nothing_left_out(Source(files.chunks(path), suffix, rules.columns))

    def records(note: Note) -> Iterator[tuple[Place, Record]]:
        made = cleaned(
            lambda: Source(files.chunks(path), suffix, rules.columns), rules, note, answered if options.best else mend
        )
        return unmarked(made, marks, note)

    marks = Marks()
    if options.without_markers:
        marks = common_marks(record for _, record in records(ignore))
    with ExitStack() as stack:
        inputs = [path, *filter(None, [options.settings])]
        listed = stack.enter_context(files.replaced(options.changes, inputs=inputs)) if options.changes else None
        out = stack.enter_context(files.replaced(options.out, inputs=inputs))
        note = _Changes(listed, console)
        selection = _selected(records, options, note)
        rows = _write(out, records(note), selection, rules, note)
        if options.augment and rows:
            rows += _augment(out, records, selection, rows, rules, options, note)
    report = check_dataset(files.chunks(options.out), suffix=".jsonl", rules=rules, lint=False)
    found = {
        "out": files.name_of(options.out),
        "base_model": row.id,
        "records": len(rows),
        "accepted": report.accepted,
        "problems": [problem.sentence for problem in report.problems],
        "counts": dict(note.counts),
    }
    _show(console, found, row)
    return Answer(report.accepted, found if options.changes else {**found, "changes": note.listed})


def _show(console: Console, found: dict[str, Any], row: BaseModelRow) -> None:
    """The verdict on the new dataset, and how many changes led to it."""
    changed = ", ".join(f"{count:,} {action}" for action, count in sorted(found["counts"].items())) or "none"
    problems = "" if found["accepted"] else "; " + "; ".join(found["problems"][:3])
    verdict = "Accepted" if found["accepted"] else "Rejected"
    written = f"{found['out']} for {row.name}, {plural(found['records'], 'record')}{problems}"
    console.say(f"{verdict}: {written}. Changes: {changed}.")
    if refused := taken_no_more(row):
        console.say(refused, style="yellow")


def _selected(records: Records, options: Options, note: Note) -> Selection | None:
    """Which records stay; None when that is all of them."""
    if options.balance is None and options.limit is None:
        return None
    traits = [trait_of(place, record, options.seed) for place, record in records(ignore)]
    return select(traits, note, balance=options.balance, limit=options.limit)


def _write(
    out: BinaryIO, records: Iterable[tuple[Place, Record]], selection: Selection | None, rules: DatasetRules, note: Note
) -> list[Place]:
    """Write what is selected; the place in the source for each row of the new file."""
    rows, formats = list[Place](), Counter[SourceFormat]()
    for place, record in records:
        if selection is None or place in selection.places:
            out.write(convert(record, rules.record_format) + b"\n")
            formats[record.format] += 1
            rows.append(place)
    out.flush()
    for change in conversions(formats, rules):
        note(change)
    return rows


def _augment(
    out: BinaryIO,
    records: Records,
    selection: Selection | None,
    rows: list[Place],
    rules: DatasetRules,
    options: Options,
    note: Note,
) -> list[Place]:
    """Write variants behind the records; the place in the source for each."""
    most = min(options.limit or rules.records.maximum, rules.records.maximum)
    made = only_in_training(
        lambda: files.chunks(Path(out.name)),
        list(_fitting(_variants(records, rows, rules, options.seed), selection, most - len(rows))),
        rows=len(rows),
        rules=rules,
        shares=hold_out(options),
        seed=settings_of(options).split.seed,
    )
    for row, variant in enumerate(made, len(rows) + 1):
        out.write(variant.content)
        note(
            Change.at(
                variant.place,
                "added",
                "variant",
                f"row {row} of the new file has a variant of its prompt: {variant.rule}",
            )
        )
    return [variant.place for variant in made]


def _variants(records: Records, rows: list[Place], rules: DatasetRules, seed: int) -> Iterator[Variant]:
    row_of = {place: row for row, place in enumerate(rows, 1)}
    taken = {hash(prompt_and_identity(record)[0]) for _, record in records(ignore)}
    sources = (
        (place, record, crc32(prompt_and_identity(record)[1], seed & 0xFFFF))
        for place, record in records(ignore)
        if place in row_of
    )
    for place, record, variant, rule in variants(sources, taken):
        content, source = (convert(each, rules.record_format) + b"\n" for each in (variant, record))
        yield Variant(place, rule, content, source, row_of[place])


def _fitting(made: Iterable[Variant], selection: Selection | None, left: int) -> Iterator[Variant]:
    """At most `left` variants, and in each group of --balance at most the number that is still free."""
    room = dict(selection.room) if selection else {}
    for variant in made:
        if left < 1:
            return
        group = selection.groups.get(variant.place) if selection else None
        if group is not None and not room[group]:
            continue
        if group is not None:
            room[group] -= 1
        left -= 1
        yield variant

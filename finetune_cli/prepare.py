"""`finetune prepare`: a better dataset out of one, in a file of its own, with a line for every change."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import orjson

from finetune.domain.findings import Place
from finetune.domain.records.conversion import convert
from finetune.domain.records.record import Record, SourceFormat
from finetune.domain.records.source import Source
from finetune.domain.similarity.identity import prompt_and_identity
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import DatasetRules
from finetune_cli import files
from finetune_cli.authoring.augment import Variant, only_in_training
from finetune_cli.authoring.cleaning import Change, Note, cleaned, conversions, nobody
from finetune_cli.authoring.improve import Selection, select, trait_of
from finetune_cli.authoring.mending import answered, mend
from finetune_cli.authoring.variants import variants
from finetune_cli.failure import UsageFailure
from finetune_cli.findings import plural
from finetune_cli.paper import Paper
from finetune_cli.rules import add_options, hold_out, positive, row_and_rules, settings_of

Records = Callable[[Note], Iterator[tuple[Place, Record]]]

# What a file is, whatever its name says; OpenAI's exports are JSON.
_HINTS = {"csv": ".csv", "json": ".json", "openai": ".json"}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The parser of the command."""
    parser = commands.add_parser(
        "prepare",
        help="make a better dataset out of one: cleaned, balanced, limited, with variants of prompts",
        description="Write the records that a base model takes to another file, each once and in the model's format, "
        "and list every change. Exits with 0 when the new dataset is accepted, 1 when it is not, 2 when a file or an "
        "option cannot be used.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a dataset: .jsonl, .json or .csv")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write: .jsonl")
    parser.add_argument("--changes", type=Path, metavar="FILE", help="list the changes there, as JSON Lines")
    parser.add_argument(
        "--balance", type=positive, metavar="N", help="keep at most N records of every label, or of every topic"
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="write at most N records, as different as can be")
    parser.add_argument(
        "--augment",
        action="store_true",
        help="add variants of prompts that a run only trains on, as far as the model, --balance and --limit leave room",
    )
    parser.add_argument(
        "--best",
        action="store_true",
        help="of records of a reward, take the reference answer or the response of the highest score as the answer",
    )
    parser.add_argument("--from", dest="hint", choices=sorted(_HINTS), help="what FILE is (default: by its name)")
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="decides among equals (default: %(default)s)")
    add_options(parser)
    parser.set_defaults(run=run)


class _Changes:
    """Told of every change: a line on standard output, or a JSON line in a file of its own."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self.counts: Counter[str] = Counter()

    def __call__(self, change: Change) -> None:
        self.counts[change.action] += 1
        if self._file:
            self._file.write(orjson.dumps(change.as_dict()) + b"\n")
        else:
            print(change)


def run(options: argparse.Namespace) -> int:
    """Write the better dataset; 1 when the base model would not take it."""
    files.require_rereadable(options.out)
    row, rules = row_and_rules(options)
    path, suffix = files.dataset(options.file, _HINTS.get(options.hint))
    if options.changes and options.changes.resolve() == options.out.resolve():
        raise UsageFailure("--out and --changes name the same file.")

    def records(note: Note) -> Iterator[tuple[Place, Record]]:
        return cleaned(lambda: Source(files.chunks(path), suffix), rules, note, answered if options.best else mend)

    with ExitStack() as stack:
        inputs = [path, *filter(None, [options.settings])]
        listed = stack.enter_context(files.replaced(options.changes, inputs=inputs)) if options.changes else None
        out = stack.enter_context(files.replaced(options.out, inputs=inputs))
        note = _Changes(listed)
        selection = _selected(records, options, note)
        rows = _write(out, records(note), selection, rules, note)
        if options.augment and rows:
            rows += _augment(out, records, selection, rows, rules, options, note)
    report = check_dataset(files.chunks(options.out), suffix=".jsonl", rules=rules, lint=False)
    changed = ", ".join(f"{count:,} {action}" for action, count in sorted(note.counts.items())) or "none"
    found = "" if report.accepted else "; " + "; ".join(problem.sentence for problem in report.problems[:3])
    verdict = "Accepted" if report.accepted else "Rejected"
    name = files.name_of(options.out)
    Paper(sys.stdout).say(
        f"{verdict}: {name} for {row.name}, {plural(len(rows), 'record')}{found}. Changes: {changed}."
    )
    return 0 if report.accepted else 1


def _selected(records: Records, options: argparse.Namespace, note: Note) -> Selection | None:
    """Which records stay; None when that is all of them."""
    if options.balance is None and options.limit is None:
        return None
    traits = [trait_of(place, record, options.seed) for place, record in records(nobody)]
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
    options: argparse.Namespace,
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
                variant.place, "added", "variant", f"row {row} of the new file varies its prompt by {variant.rule}"
            )
        )
    return [variant.place for variant in made]


def _variants(records: Records, rows: list[Place], rules: DatasetRules, seed: int) -> Iterator[Variant]:
    row_of = {place: row for row, place in enumerate(rows, 1)}
    taken = {hash(prompt_and_identity(record)[0]) for _, record in records(nobody)}
    sources = (
        (place, record, crc32(prompt_and_identity(record)[1], seed & 0xFFFF))
        for place, record in records(nobody)
        if place in row_of
    )
    for place, record, variant, rule in variants(sources, taken):
        content, source = (convert(each, rules.record_format) + b"\n" for each in (variant, record))
        yield Variant(place, rule, content, source, row_of[place])


def _fitting(made: Iterable[Variant], selection: Selection | None, left: int) -> Iterator[Variant]:
    """At most `left` variants, and in each group by --balance as many as there is room for."""
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

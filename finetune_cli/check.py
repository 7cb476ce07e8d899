"""`finetune check`: whether a base model takes a dataset, by the code that Validate Dataset runs, offline."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finetune.domain.catalog import BaseModelRow
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules
from finetune_cli import files
from finetune_cli.answer import Answer, UsageFailure
from finetune_cli.checked import Checked
from finetune_cli.commands.check import ENTRIES, SHOWN, Options
from finetune_cli.console import Console
from finetune_cli.findings import show, show_fix, show_result, show_verdict
from finetune_cli.progress import watched
from finetune_cli.rules import row_and_rules, taken_no_more

# Of more records the shares hold out enough, and staging them takes longer than checking them.
MOST_FORESEEN = 20_000


def run(options: Options, console: Console) -> Answer:
    """Check every file; no when one of them is rejected."""
    _require_sense(options)
    row, rules = row_and_rules(options)
    given = _readable(options)
    if options.media:
        rules = replace(rules, media_size=files.media_size(options.media))
    results = []
    for path, suffix in given:
        checked = _check(path, suffix, rules, options)
        results.append(checked)
        if options.html:
            _write_page(options.html, checked, row)
        if options.fix:
            checked.fix = _fix(checked, options.fix, rules)
        _show(console, checked, row, options)
    refused = taken_no_more(row)
    if refused:
        console.say(f"Rejected: {refused}", style="bad")
    accepted = not refused and all(checked.accepted for checked in results)
    return Answer(
        accepted,
        {
            "accepted": accepted,
            "refused": refused or None,
            "files": [checked.as_dict(row, rules) for checked in results],
        },
    )


def _require_sense(options: Options) -> None:
    """UsageFailure for options that do not go together."""
    if len(options.files) > 1 and (options.fix or options.html):
        raise UsageFailure("--fix and --html take one FILE at a time.")
    if options.fix and options.html and options.fix.resolve() == options.html.resolve():
        raise UsageFailure("--fix and --html name the same file.")


def _readable(options: Options) -> list[tuple[Path, str]]:
    """The datasets and what each is; UsageFailure unless all that is read is there and none of it would be written."""
    given = [files.dataset(path) for path in options.files]
    if options.validation:
        files.project_file(options.validation, "validation")
    if options.evaluation:
        files.project_file(options.evaluation, "evaluation")
    if options.fix:
        files.require_rereadable(options.fix)
    inputs = [*options.files, *filter(None, (options.validation, options.evaluation, options.settings))]
    for out in filter(None, (options.fix, options.html)):
        files.require_other(out, inputs=inputs)
    return given


def _check(path: Path, suffix: str, rules: DatasetRules, options: Options) -> Checked:
    entries = options.entries or ENTRIES
    if options.validation or options.evaluation:
        from finetune_cli.beside import check_together  # noqa: PLC0415 - takes longer than checking a small file

        return check_together(path, suffix, rules, options, entries)
    report = check_dataset(watched(path, "checking"), suffix=suffix, rules=rules, entries_per_code=entries)
    checked = Checked(path, suffix, report)
    if report.accepted and report.records <= MOST_FORESEEN:
        from finetune_cli.beside import forecast_of  # noqa: PLC0415 - as above

        checked.forecast = forecast_of(path, suffix, rules, options)
    return checked


def _write_page(out: Path, checked: Checked, row: BaseModelRow) -> None:
    from finetune.domain.report.dataset import render  # noqa: PLC0415 - nobody else waits for it

    more = "`finetune check --entries N` lists more of each."
    page = render(checked.report, name=checked.path.name, base_model=row.name, elsewhere=more)
    with files.replaced(out, inputs=[checked.path]) as file:
        file.write(page.encode())


def _fix(checked: Checked, out: Path, rules: DatasetRules) -> dict[str, Any]:
    from finetune_cli.fixing import fix  # noqa: PLC0415 - nobody else waits for it

    return fix(checked.path, checked.suffix, out, rules)


def _show(console: Console, checked: Checked, row: BaseModelRow, options: Options) -> None:
    """Findings first, then what a run would make of the files, and the verdicts last."""
    reports = _named_reports(checked, options)
    for name, report in reports:
        show(console, name, report, row, shown=options.entries or SHOWN)
    if checked.staged:
        console.say(checked.staged["sentence"])
        console.say()
    if checked.accepted and checked.forecast:
        console.say(checked.forecast.sentence, style="" if checked.forecast.possible else "yellow")
        console.say()
    if checked.fix:
        show_fix(console, checked.fix)
    elif not checked.report.accepted and checked.report.records:
        console.say("--fix OUT writes the usable records to another file.", style="dim")
    if age := row.prices.age(datetime.now(UTC).date()):
        prices = f"The catalog's prices of {row.name} are of {row.prices.as_of}{age}"
        console.say(f"{prices}; a run asks AWS's price list first.", style="dim")
    for name, report in reports:
        show_verdict(console, name, report, row)
    _show_together(console, checked, row)


def _named_reports(checked: Checked, options: Options) -> list[tuple[str, DatasetReport]]:
    """The report of each file that was checked, with the name that it is shown by."""
    found = (
        (checked.path, checked.report),
        (options.validation, checked.validation),
        (options.evaluation, checked.evaluation),
    )
    return [(files.name_of(path), report) for path, report in found if path and report]


def _show_together(console: Console, checked: Checked, row: BaseModelRow) -> None:
    """The verdicts on the files together and on what --fix wrote."""
    if checked.staged and not checked.staged["accepted"]:
        problems = "; ".join(checked.staged["problems"])
        console.say(f"Rejected: the files together for {row.name}; {problems}.", style="bad")
    if checked.fix:
        show_result(console, checked.fix, row.name)

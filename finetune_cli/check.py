"""`finetune check`: whether a base model takes a dataset, by the code that Validate Dataset runs, offline."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from finetune.domain.catalog import BaseModelRow
from finetune.domain.validation.check import check_dataset
from finetune.domain.validation.rules import DatasetRules
from finetune_cli import files
from finetune_cli.checked import Checked
from finetune_cli.failure import UsageFailure
from finetune_cli.findings import SHOWN, show, show_fix, show_result, show_verdict
from finetune_cli.paper import Paper
from finetune_cli.progress import watched
from finetune_cli.rules import add_options, hold_out, positive, row_and_rules

ENTRIES = 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The parser of the command."""
    parser = commands.add_parser(
        "check",
        help="say whether a base model takes a dataset, and what to mend",
        description="Check datasets by the code that the pipeline runs, without AWS. "
        "Exits with 0 when all are accepted, 1 when one is rejected, 2 when a file or an option cannot be used.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a dataset: .jsonl, .json or .csv")
    add_options(parser)
    parser.add_argument("--validation", type=Path, metavar="FILE", help="the project's own validation set: .jsonl")
    parser.add_argument("--evaluation", type=Path, metavar="FILE", help="the project's own evaluation set: .jsonl")
    parser.add_argument(
        "--media",
        type=Path,
        metavar="FOLDER",
        help="what is or will be projects/<project>/media/, to look for images and videos there (default: do not look)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per file, in a list when several")
    parser.add_argument("--html", type=Path, metavar="OUT", help="write the report as a page for a browser")
    parser.add_argument(
        "--fix", type=Path, metavar="OUT", help="write what can be used, cleaned and in the base model's format"
    )
    parser.add_argument(
        "--entries",
        type=positive,
        metavar="N",
        help=f"lines to list of each code (default: {SHOWN}, in JSON {ENTRIES})",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check every file; 1 when one of them is rejected."""
    if len(options.files) > 1 and (options.fix or options.html):
        raise UsageFailure("--fix and --html take one FILE at a time.")
    if options.fix and options.html and options.fix.resolve() == options.html.resolve():
        raise UsageFailure("--fix and --html name the same file.")
    row, rules = row_and_rules(options)
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
    if options.media:
        rules = replace(rules, media_size=files.media_size(options.media))
    paper = Paper(sys.stdout)
    results = []
    for path, suffix in given:
        checked = _check(path, suffix, rules, options)
        results.append(checked)
        if options.html:
            _write_page(options.html, checked, row)
        if options.fix:
            checked.fix = _fix(checked, options.fix, rules)
        if not options.json:
            _show(paper, checked, row, rules, options)
    if options.json:
        found = [checked.as_dict(row, rules) for checked in results]
        print(orjson.dumps(found if len(found) > 1 else found[0], option=orjson.OPT_INDENT_2).decode())
    return 0 if all(checked.accepted for checked in results) else 1


def _check(path: Path, suffix: str, rules: DatasetRules, options: argparse.Namespace) -> Checked:
    entries = options.entries or ENTRIES
    if options.validation or options.evaluation:
        from finetune_cli.beside import check_together  # noqa: PLC0415 - takes longer than checking a small file

        return check_together(path, suffix, rules, options, entries)
    report = check_dataset(watched(path, "checking"), suffix=suffix, rules=rules, entries_per_code=entries)
    return Checked(path, suffix, report)


def _write_page(out: Path, checked: Checked, row: BaseModelRow) -> None:
    from finetune.domain.report.dataset import render  # noqa: PLC0415 - nobody else waits for it

    more = "`finetune check --entries N` lists more of each."
    page = render(checked.report, name=checked.path.name, base_model=row.name, elsewhere=more)
    with files.replaced(out, inputs=[checked.path]) as file:
        file.write(page.encode())


def _fix(checked: Checked, out: Path, rules: DatasetRules) -> dict[str, Any]:
    from finetune_cli.fixing import fix  # noqa: PLC0415 - nobody else waits for it

    return fix(checked.path, checked.suffix, out, rules)


def _show(paper: Paper, checked: Checked, row: BaseModelRow, rules: DatasetRules, options: argparse.Namespace) -> None:
    shown = options.entries or SHOWN
    reports = [
        (path, report)
        for path, report in (
            (checked.path, checked.report),
            (options.validation, checked.validation),
            (options.evaluation, checked.evaluation),
        )
        if report
    ]
    for path, report in reports:
        show(paper, files.name_of(path), report, row, shown=shown)
    if checked.staged:
        paper.say(checked.staged["sentence"])
        paper.say()
    if few := _too_few_to_decide(checked, row, rules, options):
        paper.say(few, style="yellow")
        paper.say()
    if checked.fix:
        show_fix(paper, checked.fix)
    elif not checked.report.accepted and checked.report.records:
        paper.say("--fix OUT writes what can be used of it to another file.", style="dim")
    if row.lifecycle.status == "retired":
        successor = f"; use --base-model {row.lifecycle.successor}" if row.lifecycle.successor else ""
        paper.say(f"{row.name} takes no new customization jobs{successor}.", style="yellow")
    for path, report in reports:
        show_verdict(paper, files.name_of(path), report, row)
    if checked.staged and not checked.staged["accepted"]:
        problems = "; ".join(checked.staged["problems"])
        paper.say(f"Rejected: the files together for {row.name}; {problems}.", style="bad")
    if checked.fix:
        show_result(paper, checked.fix, row.name)


def _too_few_to_decide(
    checked: Checked, row: BaseModelRow, rules: DatasetRules, options: argparse.Namespace
) -> str | None:
    """A warning that a run would train and then have too little to evaluate the model with."""
    shares = hold_out(options)
    minimum, held = shares.least_evaluation, shares.to_evaluate(checked.report.records)
    if checked.staged:
        held = (checked.staged["evaluation"] or {"records": 0})["records"]
    asked = not options.evaluation and row.answers_text(rules.method)
    if not asked or not checked.accepted or held >= minimum:
        return None
    return (
        f"Without an evaluation.jsonl about {held} records are held out to evaluate with, and a verdict takes "
        f"{minimum} (gates.minimum_items). Write one, raise split.evaluation, or add records."
    )

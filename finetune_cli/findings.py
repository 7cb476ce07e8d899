"""A dataset's report for a person: findings grouped by code, with first lines and remedy, and one verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finetune.domain.catalog import BaseModelRow
from finetune.domain.findings import Finding
from finetune.domain.records.source import CONTAINERS
from finetune.domain.tokens import stated
from finetune.domain.validation.report import DatasetReport
from finetune_cli.console import Console

_LINES_NAMED = 12


def plural(number: int, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "record"), plural(2000, "record")
    ('1 record', '2,000 records')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first(lines: Sequence[int]) -> str:
    """The first lines by number, and how many more there are.

    >>> first([3, 5]), first(range(1, 40))
    ('3, 5', '1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 27 more')
    """
    more = f" and {len(lines) - _LINES_NAMED:,} more" if len(lines) > _LINES_NAMED else ""
    return ", ".join(map(str, lines[:_LINES_NAMED])) + more


def show(console: Console, name: str, report: DatasetReport, row: BaseModelRow, *, shown: int) -> None:
    """Everything but the verdict."""
    console.say(name, style="bold")
    console.say(_contents(report), indent=2)
    if _tokens(report):
        console.say(f"Tokens are estimated, {stated(row.provider)}.", indent=2, style="dim")
    for findings, counts, noun, style in (
        (report.problems, report.counts.errors, "problem", "red"),
        (report.warnings, report.counts.warnings, "warning", "yellow"),
    ):
        for code, count in sorted(counts.items(), key=lambda entry: -entry[1]):
            found = [finding for finding in findings if finding.code == code]
            console.say()
            console.say(f"{code}: {plural(count, noun)}", style=style)
            _show_code(console, found, count, shown)
            console.say(report.remedies[code], indent=2, style="dim")
    console.say()


def _contents(report: DatasetReport) -> str:
    if not report.lines:
        return "no lines"
    parts = [report.format or "unknown format", f"in {CONTAINERS[report.container]}"]
    parts.append(f"{plural(report.lines, 'line')}, {plural(report.records, 'good record')}")
    if tokens := _tokens(report):
        parts.append(f"about {plural(tokens, 'token')}")
    return ", ".join([" ".join(parts[:2]), *parts[2:]])


def _tokens(report: DatasetReport) -> int:
    """Tokens of all records by estimate; none of a report that does not count them."""
    tokens = report.statistics.get("tokens")
    return int(tokens["total"]) if isinstance(tokens, Mapping) else 0


def _show_code(console: Console, found: list[Finding], count: int, shown: int) -> None:
    """Lines with the same message share a row."""
    rows: dict[str, list[int]] = {}
    for finding in found:
        rows.setdefault(finding.what, []).extend([finding.line] if finding.line else [])
    listed, told = 0, 0
    for message, lines in rows.items():
        if told == shown:
            break
        named = list(dict.fromkeys(lines))[:_LINES_NAMED]
        listed, told = listed + max(1, sum(line in named for line in lines)), told + 1
        where = f"line{'s' if len(named) > 1 else ''} {', '.join(map(str, named))}: " if named else ""
        console.say(where + message, indent=2, hanging=2)
    whole = any(finding.line is None for finding in found)
    if count > listed and not whole:
        console.say(f"and {count - listed:,} more", indent=2)


def show_verdict(console: Console, name: str, report: DatasetReport, row: BaseModelRow) -> None:
    """The one line that says whether a job would take the file."""
    problems, warnings = sum(report.counts.errors.values()), sum(report.counts.warnings.values())
    beside = f" and {plural(warnings, 'warning')}" if warnings else ""
    if report.accepted:
        console.say(f"Accepted: {name} for {row.name}, {plural(report.records, 'record')}{beside}.", style="good")
    else:
        console.say(f"Rejected: {name} for {row.name}, {plural(problems, 'problem')}{beside}.", style="bad")


def show_fix(console: Console, found: dict[str, Any]) -> None:
    """What was changed, grouped by what and why."""
    console.say(f"{found['out']}: {plural(found['records'], 'record')} written", style="bold")
    for what, count in sorted(found["counts"].items(), key=lambda entry: -entry[1]):
        own = [change for change in found["changes"] if f"{change['action']} {change['code']}" == what]
        lines = list(dict.fromkeys(change["line"] for change in own if change["line"]))
        where = f"{what}: {count:,}, line{'s' if len(lines) > 1 else ''} {first(lines)}"
        console.say(where if lines else f"{own[0]['action']}: {own[0]['message']}", indent=2, hanging=2)
    console.say()


def show_result(console: Console, found: dict[str, Any], base_model: str) -> None:
    """The verdict on what was written."""
    if found["accepted"]:
        console.say(f"Accepted: {found['out']} for {base_model}, {plural(found['records'], 'record')}.", style="good")
    else:
        console.say(f"Rejected: {found['out']} for {base_model}; {'; '.join(found['problems'][:3])}.", style="bad")

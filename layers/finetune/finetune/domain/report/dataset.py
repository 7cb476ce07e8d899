"""The report on a dataset as a page for people: the verdict, what is wrong where, how to mend it, and what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Literal

from finetune.domain.findings import Finding
from finetune.domain.records.source import CONTAINERS
from finetune.domain.report.markup import Markup, facts, join, section, table, tag
from finetune.domain.report.page import page
from finetune.domain.validation.report import DatasetReport

_RANGES = {
    "turns": "Turns",
    "characters": "Characters",
    "tokens": "Tokens, estimated",
}


def render(report: DatasetReport, *, name: str, base_model: str, elsewhere: str = "") -> str:
    """The page on the file `name`; it shows lines, codes and numbers, and no text of any record.

    `elsewhere` is a sentence that says where to find the findings that the report does not keep.
    """
    verdict = "Accepted" if report.accepted else "Rejected"
    return page(
        title=join(name, " \u2013 ", verdict),
        project=name,
        byline=join("Checked for ", base_model),
        sections=(
            _verdict(report, verdict, base_model),
            _findings("Problems", "Each of them must be mended.", report, elsewhere),
            _findings(
                "Warnings", "Bedrock accepts these records, but they may make the model worse.", report, elsewhere
            ),
            _contents(report),
        ),
    )


def _verdict(report: DatasetReport, verdict: str, base_model: str) -> Markup:
    problems, warnings = sum(report.counts.errors.values()), sum(report.counts.warnings.values())
    beside = f" It also has {warnings:,} warning{'' if warnings == 1 else 's'}." if warnings else ""
    if report.accepted:
        sentence = f"{base_model} can be trained on this file.{beside}"
    else:
        wrong = f"{problems:,} problem{'' if problems == 1 else 's'}"
        sentence = f"{wrong} to mend before {base_model} can be trained on this file.{beside}"
    figures: dict[str, int | str] = {
        "Lines": report.lines,
        "Good records": report.records,
        "Rejected records": report.rejected,
    }
    figures["Duplicates"] = report.counts.warnings.get("duplicate-record", 0)
    return tag(
        "section",
        tag("p", "Dataset", class_="eyebrow"),
        tag("h1", verdict),
        tag("p", sentence, class_="sentence"),
        tag("div", facts(figures, class_=None), class_="figures"),
        class_=f"verdict {'promote' if report.accepted else 'do_not_promote'}",
    )


def _findings(title: Literal["Problems", "Warnings"], lead: str, report: DatasetReport, elsewhere: str) -> Markup:
    """The findings of one severity by code, the most frequent first, and where those are that are not shown."""
    bad = title == "Problems"
    findings, counts = (report.problems, report.counts.errors) if bad else (report.warnings, report.counts.warnings)
    if not counts:
        return Markup()
    ranked = sorted(counts.items(), key=lambda entry: -entry[1])
    more = _more(findings, sum(counts.values()))
    return section(
        title,
        *(
            _code(code, count, [finding for finding in findings if finding.code == code], report.remedies[code], bad)
            for code, count in ranked
        ),
        lead=" ".join(filter(None, (lead, more, more and elsewhere))),
    )


def _more(shown: Iterable[Finding], count: int) -> str:
    """How many of the findings are shown, where that is not all of them."""
    known = sum(finding.records for finding in shown)
    return f"{known:,} of {count:,} are shown." if known < count else ""


def _code(code: str, count: int, found: Sequence[Finding], remedy: str, bad: bool) -> Markup:
    """One code: how often, how to mend it, and the lines that have it, those of one message together."""
    lines: dict[str, list[int]] = {}
    for finding in found:
        lines.setdefault(finding.what, []).append(finding.line or 0)
    rows = [(_spans(numbers), message) for message, numbers in lines.items()]
    more = _more(found, count)
    return tag(
        "details",
        tag(
            "summary",
            tag("span", code, class_="question"),
            tag("span", f"{count:,}", class_=f"pill {'bad' if bad else 'doubt'}"),
        ),
        tag("p", remedy, class_="note"),
        tag("div", table(("Line", "What"), rows, class_="lines"), class_="text"),
        tag("p", more, class_="note") if more else "",
        open=bad,
    )


def _spans(lines: Iterable[int]) -> str:
    """Line numbers, neighbours as a span; 0 stands for the file as a whole."""
    runs = groupby(enumerate(sorted(set(lines))), key=lambda numbered: numbered[1] - numbered[0])
    return ", ".join(_span([line for _, line in run]) for _, run in runs)


def _span(run: Sequence[int]) -> str:
    if run[-1] == 0:
        return "file"
    return f"{run[0]:,}" if len(run) == 1 else f"{run[0]:,}\u2013{run[-1]:,}"


def _contents(report: DatasetReport) -> Markup:
    """What the file holds, in numbers."""
    statistics = report.statistics
    entries: dict[str, int | str] = {
        "Format": report.format or "unknown",
        "Written as": CONTAINERS[report.container],
        "Blank lines": report.blank,
    }
    if "system_share" in statistics:
        entries["Records with a system prompt"] = f"{statistics['system_share']:.0%}"
    tokens = statistics.get("tokens")
    if isinstance(tokens, Mapping):
        entries["Tokens in all, estimated"] = int(tokens["total"])
    ranges: list[tuple[object, ...]] = [
        (title, *(f"{statistics[name][key]:,.{digits}f}" for key, digits in (("min", 0), ("mean", 1), ("max", 0))))
        for name, title in _RANGES.items()
        if isinstance(statistics.get(name), Mapping)
    ]
    parts = [facts(entries)]
    if ranges and report.records:
        parts += [tag("h3", "In one record"), table(("", "Least", "Mean", "Most"), ranges, class_="numbers")]
    return section("What the file holds", *parts)

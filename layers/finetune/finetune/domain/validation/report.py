"""The verdict on a dataset with everything that led to it, for programs and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetune.domain.findings import CODES, Finding, Ledger
from finetune.domain.records.source import Container, Source


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each code was found; complete, whatever the report keeps of the findings themselves."""

    errors: Mapping[str, int]
    warnings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """The verdict on one file: `records` pass on their own, `rejected` ones do not, `blank` lines are neither.

    `distinct` counts the records that repeat no other record and that no other set asks. It is exact only as far as the
    check looked for repetitions.
    """

    accepted: bool
    format: str | None
    container: Container
    lines: int
    blank: int
    records: int
    rejected: int
    distinct: int
    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    counts: Counts
    statistics: Mapping[str, Any]

    @classmethod
    def of(  # noqa: PLR0913 - one for each field
        cls,
        source: Source,
        ledger: Ledger,
        *,
        format: str | None,
        blank: int,
        records: int,
        rejected: int,
        distinct: int,
        statistics: Mapping[str, Any],
    ) -> DatasetReport:
        """The report on what was read from a source and noted in a ledger."""
        counts = Counts(ledger.count(errors=True), ledger.count(errors=False))
        return cls(
            accepted=not counts.errors,
            format=format,
            container=source.container,
            lines=source.lines,
            blank=blank,
            records=records,
            rejected=rejected,
            distinct=distinct,
            problems=ledger.findings(errors=True),
            warnings=ledger.findings(errors=False),
            counts=counts,
            statistics=statistics,
        )

    @property
    def remedies(self) -> dict[str, str]:
        """For each code that was found, one sentence on how to mend it."""
        return {code: CODES[code].remedy for code in sorted({*self.counts.errors, *self.counts.warnings})}

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return {
            "accepted": self.accepted,
            "format": self.format,
            "container": self.container,
            "lines": self.lines,
            "blank": self.blank,
            "records": self.records,
            "rejected": self.rejected,
            "problems": [finding.as_dict() for finding in self.problems],
            "warnings": [finding.as_dict() for finding in self.warnings],
            "counts": {"errors": dict(self.counts.errors), "warnings": dict(self.counts.warnings)},
            "statistics": dict(self.statistics),
            "remedies": self.remedies,
        }

"""problems.jsonl: every problem and warning of a run's sets, one to a line, in the order in which they are found."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

import jsonlines
import orjson

from finetune.domain.findings import Finding, OnFinding, Severity

NAME = "problems.jsonl"
# Room for a finding on each of the 5,000,000 lines that a run reads at most, and 200 bytes for each.
MOST_BYTES = 1 << 30


class Problems:
    """Writes findings to a file as they come, up to a bound; the last line says how many do not fit."""

    def __init__(self, file: BinaryIO, most_bytes: int = MOST_BYTES) -> None:
        self._writer = jsonlines.Writer(file, dumps=orjson.dumps)
        self._left = most_bytes
        self.listed = self.not_listed = 0

    def of(self, name: str) -> OnFinding:
        """Takes the findings on one set: the dataset, the validation set or the evaluation set."""
        return partial(self._add, name)

    def _add(self, name: str, finding: Finding, severity: Severity) -> None:
        if self._left <= 0:
            self.not_listed += 1
            return
        self._left -= self._writer.write({"set": name, "severity": severity, **finding.as_dict()})
        self.listed += 1

    def finish(self) -> None:
        """Add what is not listed, if anything is not."""
        if self.not_listed:
            self._writer.write({"not_listed": self.not_listed, "message": self.sentence})

    @property
    def sentence(self) -> str:
        """What the file holds, for whoever sees less of it."""
        if self.not_listed:
            left_out = f"leaves out {self.not_listed:,}, which would not fit into {MOST_BYTES >> 30} GiB"
            return f"{NAME} beside this file lists the first {self.listed:,} findings and {left_out}."
        return f"{NAME} beside this file lists every problem and warning."

    def as_dict(self) -> dict[str, int | str]:
        """Where every finding is, as JSON can hold it."""
        return {"file": NAME, "listed": self.listed, "not_listed": self.not_listed}

"""What a check of one dataset has found, with the sets beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.domain.catalog import BaseModelRow
from finetune.domain.validation.report import DatasetReport
from finetune.domain.validation.rules import DatasetRules
from finetune_cli import files

if TYPE_CHECKING:
    from finetune.domain.evaluation.forecast import Forecast  # takes longer than checking a small file


@dataclass(slots=True)
class Checked:
    """One dataset with what was given beside it.

    `staged` says what a run would make of them together, `forecast` what verdict it could come to.
    """

    path: Path
    suffix: str
    report: DatasetReport
    validation: DatasetReport | None = None
    evaluation: DatasetReport | None = None
    staged: dict[str, Any] | None = None
    forecast: Forecast | None = None
    fix: dict[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether a run would take the files as they are."""
        reports = (self.report, self.validation, self.evaluation)
        together = not self.staged or self.staged["accepted"]
        return together and all(report.accepted for report in reports if report)

    def as_dict(self, row: BaseModelRow, rules: DatasetRules) -> dict[str, Any]:
        beside = {"validation": self.validation, "evaluation": self.evaluation}
        return {
            "file": files.name_of(self.path),
            "base_model": rules.base_model,
            "base_model_status": row.lifecycle.status,
            "method": rules.method,
            **self.report.as_dict(),
            **{name: report.as_dict() for name, report in beside.items() if report},
            **({"staged": self.staged} if self.staged else {}),
            **({"forecast": _told(self.forecast)} if self.forecast else {}),
            **({"fix": self.fix} if self.fix else {}),
        }


def _told(forecast: Forecast) -> dict[str, Any]:
    return {**forecast.model_dump(), "possible": forecast.possible, "sentence": forecast.sentence}

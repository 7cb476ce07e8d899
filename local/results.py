"""The result of a run, as the JSON object that --json prints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from finetune.contracts import JudgeEvaluationOutput
from finetune.parts import Failure
from finetune_cli.history import Event, rows, state_names
from local.bedrock.ledger import Ledger
from local.cloud import Mail
from local.watch import known


class MailResult(BaseModel):
    """One mail; `path` is its copy."""

    to: str
    subject: str
    body: str
    path: str


class Result(BaseModel):
    """One run; `seconds` are real ones from the drop to the end, `states` every state entered, in order."""

    model_config = ConfigDict(frozen=True)

    run_id: str | None
    status: Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
    decision: Literal["promote", "do_not_promote", "inconclusive"] | None
    error: str | None
    cause: str | None
    seconds: float
    states: list[str]
    mails: list[MailResult]
    endpoints_left: int
    billed_usd: float
    report: str | None

    @property
    def exit_code(self) -> int:
        return 0 if self.status == "SUCCEEDED" else 1


def result(
    description: Mapping[str, Any],
    events: Sequence[Event],
    *,
    run_id: str | None,
    seconds: float,
    mails: Sequence[Mail],
    ledger: Ledger,
    report: Path | None,
) -> Result:
    """The result of an ended execution: its description and history, its mails and the account's books."""
    verdict = judgement(events)
    return Result(
        run_id=run_id,
        status=description["status"],
        decision=verdict.decision if verdict else None,
        error=description.get("error"),
        cause=_cause(description),
        seconds=round(seconds, 1),
        states=state_names(events),
        mails=[MailResult(to=one.to, subject=one.subject, body=one.body, path=str(one.path)) for one in mails],
        endpoints_left=len(ledger.open),
        billed_usd=round(ledger.total_usd, 4),
        report=str(report) if report else None,
    )


def judgement(events: Sequence[Event]) -> JudgeEvaluationOutput | None:
    """The verdict, or None if the run has none."""
    found = known(rows(events)).get("evaluation")
    return JudgeEvaluationOutput.model_validate(found) if found else None


def _cause(description: Mapping[str, Any]) -> str | None:
    """The cause in one sentence; an uncaught Lambda error wraps it in JSON beside a stack trace."""
    if not description.get("cause"):
        return None
    return Failure(Error=description.get("error") or "", Cause=description["cause"]).sentence

"""Mails beside the one about a run's end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from finetune.domain.customization.jobs import QUOTA_BOUND, QUOTA_INTERVAL
from finetune.errors import QuotaExceeded
from finetune.letter import Mail, lines, mail
from finetune.run import Run


def swept(stack: str, ended: Iterable[str]) -> Mail:
    """The alarm of the sweeper: jobs or endpoints were left behind, and are ended now."""
    names = list(ended)
    return mail(
        f"Left behind and ended by the sweeper of {stack}: {len(names)}",
        [
            "These jobs and endpoints belonged to no running execution and were not in service. The jobs were "
            "stopped, the endpoints deleted:",
            "\n".join(f"  {name}" for name in names),
            "What to do: find out what ended their runs. The usual cause is an abort or a failed clean-up.",
        ],
    )


def waiting(run: Run, error: QuotaExceeded) -> Mail:
    """That a run waits, and for what; another mail tells its end."""
    minutes, hours = QUOTA_INTERVAL.total_seconds() / 60, QUOTA_BOUND.total_seconds() / 3600
    paragraphs = [
        f"The run waits, because a quota of the account is used up. It tries again every {minutes:.0f} minutes for at "
        f"most {hours:.0f} hours and goes on by itself as soon as there is room. The wait itself costs nothing.",
        str(error),
        "What to do: nothing if something that uses the quota ends soon. Otherwise ask for a higher quota in Service "
        "Quotas, or end what uses it up.",
        "Another mail tells how the run ended. With notify.waiting: false in the project's settings.yaml, runs do not "
        "send this one.",
        f"Run: {run.run_id}\nFiles: {run.folder}/\nExecution: {run.execution_arn}",
    ]
    return mail(f"Waiting for capacity: {run.project}", paragraphs)


def ended(stack: str, models: Sequence[str]) -> Mail:
    """That nothing of a deleted stack is billed by the hour; which models stay, with the way to delete them."""
    kept = lines(
        "These custom models stay and are billed for their storage until somebody deletes them:",
        (f"aws bedrock delete-custom-model --model-identifier {name}" for name in models),
    )
    return mail(
        f"Stack deleted: {stack}",
        [
            "Its runs and jobs are stopped, its endpoints and parameters are deleted. Applications that used them get "
            "no answer any more.",
            kept if models else "No custom model stays.",
            "The two buckets stay with their content.",
        ],
    )

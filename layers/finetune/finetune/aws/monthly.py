"""What the runs of a project have cost and may cost in a month, against its monthly budget.

`budgets/<project>/<month>/<number>.json` in the artifact bucket is one run's share. Numbers are taken one after the
other and written only if they are not there, so that of two runs that look at once the second counts the first. A run
without a monthly budget has its own id for a number: it counts if a budget is set later in the month. The month is that
of UTC in which the run was claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import orjson

from finetune.aws import executions, mail, storage
from finetune.aws.written import marked, read_back
from finetune.contracts import PrepareDatasetOutput
from finetune.domain.billing.limits import ROUNDING, monthly_reason
from finetune.frozen import Frozen
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient


class Share(Frozen):
    """What a run may cost at most, and once it has ended what it has cost."""

    run_id: str
    execution_arn: str
    most_usd: float
    spent_usd: float | None = None


class _Spent(Frozen):
    """What spent.json says that others need."""

    total_usd: float
    missing: tuple[str, ...] = ()
    lines: tuple[dict[str, object], ...] = ()

    @property
    def complete(self) -> bool:
        return not self.missing and all(line.get("usd") is not None for line in self.lines)


class Month(NamedTuple):
    """The shares of a project's other runs: what those that ended have cost, and what the others may."""

    spent_usd: float
    reserved_usd: float


def within(
    s3: S3Client, stepfunctions: SFNClient, run: Run, prepared: PrepareDatasetOutput, *, most_usd: float | None
) -> PrepareDatasetOutput:
    """The same with a share of the monthly budget, or over budget if what is left of it is less than the run may cost.

    `most_usd` is what the run takes if there is so much, for comparisons anew. Without a monthly budget the share is
    noted and bounds nothing. Does nothing for a run that ends here anyway.
    """
    limit = run.settings.budget.project_usd_per_month
    goes_on = prepared.within_budget and prepared.earlier is None and prepared.most_usd is not None
    decidable = prepared.verdict_possible or run.settings.evaluation == "optional"
    if not (goes_on and decidable):
        return prepared
    began, least = storage.written_at(s3, run.uri("run.json")), prepared.most_usd or 0.0
    bucket, _ = storage.split_uri(run.folder)
    folder = f"s3://{bucket}/budgets/{run.slug}/{began:%Y-%m}/"
    if limit is None:
        storage.write_json(s3, f"{folder}{run.run_id}.json", _content(_share(run, max(least, most_usd or 0))))
        return prepared
    while True:
        shares = _shares(s3, folder)
        if own := next((each for each in shares.values() if each.run_id == run.run_id), None):
            return prepared.model_copy(update={"limit_usd": own.most_usd})
        month = _counted(s3, stepfunctions, run, shares)
        rest = limit - month.spent_usd - month.reserved_usd
        if least > rest + ROUNDING:
            reason = monthly_reason(f"{began:%Y-%m}", month.spent_usd, month.reserved_usd, least, limit)
            return prepared.model_copy(update={"within_budget": False, "budget_reason": reason})
        share = _share(run, max(least, min(rest, most_usd or 0)))
        if storage.write_once(s3, _next(folder, shares), orjson.dumps(_content(share)), "application/json"):
            return prepared.model_copy(update={"limit_usd": share.most_usd})


def _share(run: Run, most_usd: float) -> Share:
    return Share(run_id=run.run_id, execution_arn=run.execution_arn, most_usd=most_usd)


def _content(share: Share) -> dict[str, object]:
    return marked(share.model_dump(mode="json"))


def _next(folder: str, shares: Iterable[str]) -> str:
    """The URI after the highest number; those before it may have expired."""
    names = (uri.removeprefix(folder).removesuffix(".json") for uri in shares)
    return f"{folder}{max((int(name) for name in names if name.isdecimal()), default=-1) + 1}.json"


def _shares(s3: S3Client, folder: str) -> dict[str, Share]:
    """The shares of a month by URI; one may expire after it was listed."""
    found = ((uri, storage.read(s3, uri)) for uri in storage.keys_under(s3, folder))
    return {uri: read_back(Share, content, uri) for uri, content in found if content is not None}


def _counted(s3: S3Client, stepfunctions: SFNClient, run: Run, shares: Mapping[str, Share]) -> Month:
    spent = reserved = 0.0
    for uri, share in shares.items():
        if share.spent_usd is not None:
            spent += share.spent_usd
        elif ended := _ended(s3, stepfunctions, run, share):
            spent += ended.usd
            if ended.for_good:
                storage.write_json(s3, uri, _content(share.model_copy(update={"spent_usd": ended.usd})))
        else:
            reserved += share.most_usd
    return Month(spent, reserved)


class _Ended(NamedTuple):
    """What a run that has ended has cost; one that somebody stopped may be redriven and cost more."""

    usd: float
    for_good: bool


def _ended(s3: S3Client, stepfunctions: SFNClient, run: Run, share: Share) -> _Ended | None:
    """What a run has cost once its mail was sent, which sums it up; None while it may cost its whole share.

    A run that ended before anything was billed has no sum. What could not be counted, and a run that may be redriven,
    counts as the whole share.
    """
    bucket, _ = storage.split_uri(run.folder)
    found = executions.look(stepfunctions, share.execution_arn)
    redrives = found.redrives if found else 0
    if (found and found.running) or not mail.was_sent(s3, bucket, share.execution_arn, redrives):
        return None
    uri = f"{run.project_folder}/{share.run_id}/spent.json"
    content = storage.read(s3, uri)
    told = read_back(_Spent, content, uri) if content else _Spent(total_usd=0.0)
    for_good = found is None or found.status in {"SUCCEEDED", "FAILED"}
    usd = told.total_usd if told.complete and for_good else max(told.total_usd, share.most_usd)
    return _Ended(usd, for_good)

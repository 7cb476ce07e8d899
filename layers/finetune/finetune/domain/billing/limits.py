"""What a run may cost: whether it fits its limit, how long throughput is paid for, what may stay in service."""

from __future__ import annotations

from datetime import timedelta
from math import ceil, floor
from typing import Literal

from finetune.domain.catalog import BaseModelRow, Deployment
from finetune.domain.cost import HOURS_PER_MONTH, Amount, CostEstimate, PriceOverrides, cents, hourly
from finetune.frozen import Frozen

# After the last answer: the verdict, the promotion and the release.
FINISH = timedelta(minutes=15)
# Before the end of the last hour that is paid for: a stop and a deletion that take long, and one turn of the sweeper.
RESERVE = timedelta(minutes=30)
# Throughput is kept no longer than this if the budget pays for more, unless its evaluation takes longer.
USUAL_LEASE = timedelta(hours=6)
ROUNDING = 1e-9


class BudgetVerdict(Frozen):
    """Whether an estimate fits, in one sentence."""

    within: bool
    reason: str


def within_budget(estimate: CostEstimate, limit_usd: float, *, whose: str = "budget.limit_usd") -> BudgetVerdict:
    """Whether a run stays within a limit even if it costs the most it may; an unknown price never does.

    `whose` is what sets the limit.
    """
    if estimate.unknown:
        keys = " and ".join(estimate.unknown)
        return BudgetVerdict(
            within=False,
            reason=f"The cost cannot be estimated because a price is unknown; set {keys} in settings.yaml.",
        )
    total, most = cents(estimate.total_usd), cents(estimate.most_usd)
    if estimate.most_usd > limit_usd:
        dearest = max(estimate.lines, key=lambda line: line.most_usd or 0)
        part = f"most of it is {dearest.what[0].lower()}{dearest.what[1:]} ({cents(dearest.most_usd or 0)} at most)"
        reason = (
            f"The run is estimated at {total} and may cost up to {most}, more than the {cents(limit_usd)} of {whose}; "
            f"{part}. {estimate.token_error}"
        )
        return BudgetVerdict(within=False, reason=reason)
    reason = (
        f"The run is estimated at {total} and costs at most {most}, within the {cents(limit_usd)} of {whose}. "
        f"{estimate.token_error}"
    )
    return BudgetVerdict(within=True, reason=reason)


def monthly_reason(month: str, spent_usd: float, reserved_usd: float, most_usd: float, limit_usd: float) -> str:
    """Why a run does not fit into its project's monthly budget."""
    going = f", and runs that go on may cost {cents(reserved_usd)} more" if reserved_usd else ""
    return (
        f"The project's runs have cost {cents(spent_usd)} in {month} by UTC{going}. This run may cost up to "
        f"{cents(most_usd)}, and with it they could exceed the {cents(limit_usd)} of budget.project_usd_per_month."
    )


def started_hours(minutes: float) -> int:
    """The hours that are paid for throughput of which so many minutes are used."""
    return ceil(minutes / 60 - ROUNDING)


def hours_needed(creation: Amount, use: Amount) -> Amount:
    """The started hours that throughput takes: to come up, to be used and, at most, to be got rid of again."""
    left_over = (FINISH + RESERVE).total_seconds() / 60
    return Amount(started_hours(creation.likely + use.likely), started_hours(creation.most + use.most + left_over))


def throughput_lease(rest_usd: float, hour_usd: float | None, needed_hours: float) -> timedelta | None:
    """How long throughput may live that the rest of a budget pays for; None if too short, or at an unknown price."""
    if hour_usd is None or rest_usd < 0:
        return None
    paid = timedelta(hours=floor(rest_usd / hour_usd + ROUNDING)) if hour_usd else USUAL_LEASE + RESERVE
    needed = timedelta(hours=needed_hours)
    return min(paid - RESERVE, max(USUAL_LEASE, needed)) if paid >= needed else None


class Service(Frozen):
    """What a promoted model costs for being there, and whether that is agreed to; None where the price is unknown."""

    usd_per_hour: float | None
    usd_per_month: float | None
    covered: bool


def service(
    row: BaseModelRow,
    prices: PriceOverrides,
    deployment: Literal[Deployment, "none"],
    limit_usd_per_month: float,
    units: int = 1,
) -> Service:
    """What serving a model in this way costs beside its tokens, within a limit for a month."""
    if deployment != "provisioned":
        return Service(usd_per_hour=0, usd_per_month=0, covered=True)
    hour = hourly(row, prices, units)
    month = None if hour is None else hour * HOURS_PER_MONTH
    covered = month is not None and month <= limit_usd_per_month + ROUNDING
    return Service(usd_per_hour=hour, usd_per_month=month, covered=covered)

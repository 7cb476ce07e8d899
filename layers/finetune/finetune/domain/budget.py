"""What a run may still spend: whether it fits its limit, how long throughput is paid for, what answers may cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import ceil, floor
from threading import Lock
from typing import Literal

from finetune.domain.catalog import BaseModelRow, Deployment
from finetune.domain.cost import HOURS_PER_MONTH, Amount, CostEstimate, PriceOverrides, cents, price
from finetune.errors import BudgetReached
from finetune.frozen import Frozen

# After the last answer: the verdict, the promotion and the release.
FINISH = timedelta(minutes=15)
# Before the end of the last hour that is paid for: a stop and a deletion that take long, and one turn of the sweeper.
RESERVE = timedelta(minutes=30)
# Throughput is kept no longer than this if the budget pays for more, unless its evaluation takes longer.
USUAL_LEASE = timedelta(hours=6)
_ROUNDING = 1e-9


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


def started_hours(minutes: float) -> int:
    """The hours that are paid for throughput of which so many minutes are used."""
    return ceil(minutes / 60 - _ROUNDING)


def hours_needed(creation: Amount, use: Amount) -> Amount:
    """The started hours that throughput takes: to come up, to be used and, at most, to be got rid of again."""
    left_over = (FINISH + RESERVE).total_seconds() / 60
    return Amount(started_hours(creation.likely + use.likely), started_hours(creation.most + use.most + left_over))


def throughput_lease(rest_usd: float, hour_usd: float | None, needed_hours: float) -> timedelta | None:
    """How long throughput may live that the rest of a budget pays for; None if too short, or at an unknown price."""
    if hour_usd is None or rest_usd < 0:
        return None
    paid = timedelta(hours=floor(rest_usd / hour_usd + _ROUNDING)) if hour_usd else USUAL_LEASE + RESERVE
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
) -> Service:
    """What serving a model in this way costs beside its tokens, within a limit for a month."""
    if deployment != "provisioned":
        return Service(usd_per_hour=0, usd_per_month=0, covered=True)
    hour = price(row, prices, "provisioned_per_hour")
    month = None if hour is None else hour * HOURS_PER_MONTH
    covered = month is not None and month <= limit_usd_per_month + _ROUNDING
    return Service(usd_per_hour=hour, usd_per_month=month, covered=covered)


class Meter:
    """What may still be spent on answers, counted as they come; for many threads."""

    def __init__(self, allowed_usd: float) -> None:
        self._allowed, self._spent, self._lock = allowed_usd, 0.0, Lock()
        self.lost_usd = 0.0
        """What was paid, or may have been, without an answer to show for it."""

    def add(self, usd: float) -> None:
        """Something was spent before."""
        self._spent += usd

    @contextmanager
    def asking(self, most_usd: float) -> Iterator[Receipt]:
        """One request, which may cost so much at most; BudgetReached if that is not left.

        What comes back says what it cost; a request of which nobody knows that has cost the most.
        """
        with self._lock:
            if self._spent + most_usd > self._allowed + _ROUNDING:
                raise BudgetReached(
                    f"The answers have cost {cents(self._spent)}, and one more could exceed the {cents(self._allowed)} "
                    "that the budget leaves for them."
                )
            self._spent += most_usd
            self.lost_usd += most_usd
        receipt = Receipt(most_usd)
        try:
            yield receipt
        finally:
            with self._lock:
                self._spent += receipt.usd - most_usd
                self.lost_usd += (receipt.usd if receipt.lost else 0.0) - most_usd


class Receipt:
    """What a request has cost; `lost` unless an answer tells its tokens, or it was refused and cost nothing."""

    def __init__(self, most_usd: float) -> None:
        self.usd, self.lost = most_usd, True

    def paid(self, usd: float, *, lost: bool = False) -> None:
        """A reply came and says so; it is `lost` if it is not kept."""
        self.usd, self.lost = usd, lost

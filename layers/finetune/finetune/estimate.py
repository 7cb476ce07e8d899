"""What a run is expected to cost and may cost at most, from what it trains on and what it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from finetune.contracts import MOST_SHARDS
from finetune.domain import cost
from finetune.domain.billing import limits
from finetune.domain.catalog import BaseModelRow, base_model
from finetune.domain.evaluation import expense
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.llm_judge import prices_of, sample
from finetune.domain.evaluation.promotion import START_HOURS
from finetune.domain.staging.stage import PreparedDataset
from finetune.messages import not_in_service
from finetune.parts import Shard
from finetune.run import Run

SHARD_ITEMS = 25


@dataclass(frozen=True, slots=True)
class Expense:
    """What the evaluation of these items takes."""

    row: BaseModelRow
    asked: cost.Asked
    hours: cost.Amount

    @classmethod
    def of(cls, run: Run, items: Sequence[EvaluationItem]) -> Self:
        row, settings = base_model(run.settings.base_model), run.settings
        judge = settings.judge
        judged = sample(items, judge.items, settings.split.seed) if judge.model else ()
        in_service = run.champion.endpoint_arn if run.champion else None
        names = expense.paid_by_token(in_service, row.cheapest_endpoint)
        minutes = expense.minutes(
            [shard.count for shard in shards_of(len(items))],
            3 if run.champion else 2,
            len(judged),
            row.requests_per_minute,
        )
        asked = expense.asked(items, names, {item.id for item in judged}, row, settings.inference.max_tokens)
        return cls(row, asked, limits.hours_needed(expense.CREATION_MINUTES, minutes))

    def estimate(self, run: Run, prepared: PreparedDataset, *, trains: bool) -> cost.CostEstimate:
        """The whole run's cost; every candidate trains on the same tokens, unless it `trains` none."""
        settings, by_the_hour = run.settings, self.row.cheapest_endpoint == "provisioned"
        agreed = run.service.covered and "provisioned" in self.row.deployments
        starts = settings.deployment == "provisioned" and agreed and not by_the_hour
        asked = self.asked._replace(hours=self.hours) if by_the_hour else self.asked
        return cost.estimate_run(
            self.row,
            training_tokens=cost.Amount(prepared.training_tokens, prepared.most_training_tokens)
            if trains
            else cost.Amount(0, 0),
            epochs=sum(float(each.hyperparameters.get("epochCount", "1")) for each in run.candidates),
            models=len(run.candidates),
            asked=asked if prepared.evaluation else None,
            prices=settings.prices,
            judge_prices=prices_of(settings.judge),
            start_hours=START_HOURS if starts else 0,
            served=settings.deployment if settings.deployment in self.row.deployments else None,
            sources=run.price_sources,
            units=settings.units,
        )

    def most_usd(self, run: Run) -> float | None:
        """What the answers and ratings cost at most."""
        prices = cost.token_prices(self.row, run.settings.prices)
        return expense.most_usd(self.asked, prices, prices_of(run.settings.judge))


def agreed(run: Run, estimate: cost.CostEstimate) -> limits.BudgetVerdict:
    """Whether the run stays within its limit, and its model may go into service by the hour if it is to."""
    verdict = limits.within_budget(estimate, run.settings.budget.limit_usd, whose=run.limit_name)
    obstacle = not_in_service(run) if run.settings.deployment == "provisioned" else None
    if obstacle is None or not verdict.within:
        return verdict
    return limits.BudgetVerdict(within=False, reason=f"Its model could be of no use: {obstacle}")


def shards_of(items: int) -> tuple[Shard, ...]:
    """Equal shares of the evaluation set, SHARD_ITEMS each until MOST_SHARDS shares carry them all."""
    size = max(SHARD_ITEMS, -(-items // MOST_SHARDS))
    starts = range(0, items, size)
    return tuple(Shard(index=index, first=first, count=min(size, items - first)) for index, first in enumerate(starts))

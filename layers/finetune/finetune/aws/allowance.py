"""What an evaluation may still spend: how long its throughput may live, and what the answers of a shard may cost."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from finetune.aws import answers, storage
from finetune.contracts import EvaluateShardInput, PrepareDatasetOutput
from finetune.domain import cost
from finetune.domain.billing.meter import Meter
from finetune.domain.catalog import BaseModelRow, Deployment, base_model
from finetune.domain.cost import TokenPrices
from finetune.domain.evaluation import expense, promotion
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.llm_judge import Judgement, prices_of
from finetune.domain.json_lines import from_jsonl
from finetune.run import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def evaluation_leases(run: Run, prepared: PrepareDatasetOutput) -> Mapping[Deployment, timedelta]:
    """The kinds of endpoint that what is left of the budget now pays for, and for how long."""
    row, settings = base_model(run.settings.base_model), run.settings
    hour = cost.hourly(row, settings.prices, settings.units)
    # Where there is nothing else, the estimate has the hours of throughput already.
    planned = prepared.throughput_hours * (hour or 0) if row.cheapest_endpoint == "provisioned" else 0
    return promotion.evaluation_endpoints(
        row,
        settings.prices,
        rest_usd=_rest(run, prepared) + planned,
        throughput_hours=prepared.throughput_hours,
        units=settings.units,
    )


def _rest(run: Run, prepared: PrepareDatasetOutput) -> float:
    """What is left of the limit if the run costs the most it may; nothing where that is not known."""
    return -math.inf if prepared.most_usd is None else limit_of(run, prepared) - prepared.most_usd


def limit_of(run: Run, prepared: PrepareDatasetOutput) -> float:
    """What a run may cost at most: its own limit, or its share of the project's month if that is less."""
    own = run.settings.budget.limit_usd
    return own if prepared.limit_usd is None else min(own, prepared.limit_usd)


def limit_name(run: Run, prepared: PrepareDatasetOutput) -> str:
    """What sets that limit."""
    share = limit_of(run, prepared) < run.settings.budget.limit_usd
    return "the run's share of budget.project_usd_per_month" if share else run.limit_name


def paid_until(request: EvaluateShardInput) -> datetime | None:
    """Until when throughput is paid for; None where none is open for the evaluation.

    A rematch follows a verdict to promote, and before a person is asked about one the throughput is released.
    """
    released = request.run.rematches > 0 and request.run.service_is_asked
    return None if released else request.endpoint.until


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the requests of a shard cost, and the meter that they run through."""

    meter: Meter
    row: BaseModelRow
    bound: int | None
    prices: TokenPrices
    judge_prices: TokenPrices

    def answer_usd(self, answer: Answer) -> float:
        """What an answer has cost."""
        return _known(self.prices.usd(answer.input_tokens, answer.output_tokens))

    def most_answer_usd(self, item: EvaluationItem) -> float:
        """What an answer may cost."""
        longest = expense.longest_answer(item, self.row, self.bound)
        return _known(self.prices.usd(expense.prompt(item, self.row.provider).most, longest))

    def rating_usd(self, judgement: Judgement) -> float:
        """What a reply of the judge has cost, whether or not it could be read."""
        return _known(self.judge_prices.usd(judgement.input_tokens, judgement.output_tokens))

    def most_rating_usd(self, item: EvaluationItem) -> float:
        """What one reply of the judge may cost."""
        return _known(self.judge_prices.usd(expense.rated(item, self.row, self.bound).most, expense.MOST_RATING_TOKENS))


def _known(usd: float | None) -> float:
    """A price that nobody knows is more than any budget."""
    return math.inf if usd is None else usd


@contextmanager
def metered(
    s3: S3Client,
    request: EvaluateShardInput,
    items: Sequence[EvaluationItem],
    kept: Mapping[str, Mapping[str, Answer]],
    paid: Collection[str],
    judged: Collection[str],
) -> Iterator[Allowance]:
    """A shard's allowance; `kept` are the answers so far of each contestant, `paid` those whose tokens are billed.

    What is still to be asked is written down as spent before, and what was lost of it after: of a function that dies
    nobody knows what it asked.
    """
    run, row = request.run, base_model(request.run.settings.base_model)
    bound = run.settings.inference.max_tokens
    prices, judge_prices = cost.token_prices(row, run.settings.prices), prices_of(run.settings.judge)
    most = _known(expense.most_usd(expense.asked(items, paid, judged, row, bound), prices, judge_prices))
    uri = run.uri(f"answers/spent/{request.shard.index:03}.json")
    lost: float = orjson.loads(storage.read(s3, uri) or b"0") or 0.0
    allowance = Allowance(Meter(_allowed(request, most)), row, bound, prices, judge_prices)
    spent = sum(allowance.answer_usd(answer) for name in paid for answer in kept[name].values())
    allowance.meter.add(lost + spent + _before_rematches(s3, request, allowance))
    left = most - sum(allowance.most_answer_usd(item) for item in items for name in paid if item.id in kept[name])
    if left > 0:
        storage.write_json(s3, uri, lost + left)
    try:
        yield allowance
    finally:
        if left > 0:
            storage.write_json(s3, uri, lost + allowance.meter.lost_usd)


def _before_rematches(s3: S3Client, request: EvaluateShardInput, allowance: Allowance) -> float:
    """What a shard's answers and ratings have cost that belong to comparisons with earlier champions."""
    usd = 0.0
    for number in range(request.run.rematches):
        run = request.run.model_copy(update={"rematches": number})
        given = answers.load(s3, answers.uri(run, "champion", request.shard.index)).values()
        rated = storage.read(s3, answers.uri(run, "judge", request.shard.index)) or b""
        usd += sum(allowance.answer_usd(answer) for answer in given if answer.paid)
        usd += sum(map(allowance.rating_usd, from_jsonl(rated, Judgement)))
    return usd


def _allowed(request: EvaluateShardInput, most_usd: float) -> float:
    """A shard's share of what the budget leaves for answers; the rest pays for hours where there are any."""
    prepared, by_the_hour = request.prepared, request.endpoint.kind == "provisioned"
    if by_the_hour or not prepared.answers_usd or prepared.most_usd is None:
        return most_usd
    return most_usd * (1 + max(0.0, _rest(request.run, prepared)) / prepared.answers_usd)

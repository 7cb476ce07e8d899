"""What a run will cost, before it costs anything, and whether that fits the budget."""

from __future__ import annotations

import math

from pydantic import Field

from finetune.domain.catalog import BaseModelRow, Deployment
from finetune.domain.tokens import stated
from finetune.frozen import Frozen

HOURS_PER_MONTH = 730
_JUDGE_RUBRIC_TOKENS, _JUDGE_REPLY_TOKENS = 300, 120


class PriceOverrides(Frozen):
    """USD prices from the settings; each replaces the catalog's."""

    training_per_1k_tokens: float | None = Field(None, ge=0)
    storage_per_month: float | None = Field(None, ge=0)
    input_per_1k_tokens: float | None = Field(None, ge=0)
    output_per_1k_tokens: float | None = Field(None, ge=0)
    provisioned_per_hour: float | None = Field(None, ge=0)


class TokenPrices(Frozen):
    """USD for 1,000 tokens of prompts and of answers; None where a price is unknown."""

    input_per_1k_tokens: float | None = Field(None, ge=0)
    output_per_1k_tokens: float | None = Field(None, ge=0)

    def usd(self, input_tokens: float, output_tokens: float) -> float | None:
        """What so many tokens cost; None when a price is unknown."""
        if self.input_per_1k_tokens is None or self.output_per_1k_tokens is None:
            return None
        return (input_tokens * self.input_per_1k_tokens + output_tokens * self.output_per_1k_tokens) / 1000


class CostLine(Frozen):
    """One thing that is billed; `usd` is None when its price is unknown."""

    what: str
    quantity: float
    unit: str
    unit_price: float | None
    usd: float | None
    price_key: str


class CostEstimate(Frozen):
    """The bill by line; `total_usd` adds the known amounts, `unknown` holds the settings keys of unknown prices.

    `token_error` is a sentence that says how far off the token counts may be.
    """

    lines: tuple[CostLine, ...]
    total_usd: float
    unknown: tuple[str, ...] = ()
    token_error: str = ""


class BudgetVerdict(Frozen):
    """Whether an estimate fits, in one sentence."""

    within: bool
    reason: str


class BreakEven(Frozen):
    """Tokens a month, answers and prompts together, from which one model unit costs less than paying by token."""

    tokens_per_month: float
    throughput_usd_per_month: float
    on_demand_usd_per_million_tokens: float


def estimate_run(  # noqa: PLR0913 - keywords, one for each quantity on the bill
    row: BaseModelRow,
    *,
    training_tokens: int,
    epochs: float,
    evaluation_items: int,
    contestants: int = 2,
    input_tokens_per_item: float = 500,
    output_tokens_per_item: float = 300,
    endpoint: Deployment | None,
    endpoint_hours: float = 1,
    prices: PriceOverrides | None = None,
    judged_items: int = 0,
    judge_prices: TokenPrices | None = None,
) -> CostEstimate:
    """The bill of a run: training, a month of the model's storage, and its evaluation.

    Contestants that are billed by the token cost the price of the base model, as custom Nova and Llama models do. A
    candidate on provisioned throughput costs the hours of one model unit instead; a started hour counts in full. If
    `endpoint` is None there is no evaluation.
    """
    by_token = 0 if endpoint is None else contestants - (endpoint == "provisioned")
    answers = evaluation_items * by_token
    quantities: list[tuple[str, float, str, str]] = [
        ("Training", training_tokens * epochs / 1000, "1,000 tokens", "training_per_1k_tokens"),
        ("Storage of the custom model for a month", 1, "month", "storage_per_month"),
    ]
    if answers:
        quantities += [
            ("Evaluation: prompts", answers * input_tokens_per_item / 1000, "1,000 tokens", "input_per_1k_tokens"),
            ("Evaluation: answers", answers * output_tokens_per_item / 1000, "1,000 tokens", "output_per_1k_tokens"),
        ]
    if endpoint == "provisioned":
        hours = math.ceil(endpoint_hours)
        quantities.append(("Evaluation: provisioned throughput", hours, "started hour", "provisioned_per_hour"))
    lines = (
        *(_line(row, prices, quantity) for quantity in quantities),
        *_judge_lines(
            2 * judged_items if endpoint else 0,
            _JUDGE_RUBRIC_TOKENS + input_tokens_per_item + 3 * output_tokens_per_item,
            judge_prices or TokenPrices(),
        ),
    )
    return CostEstimate(
        lines=lines,
        total_usd=sum(line.usd for line in lines if line.usd is not None),
        unknown=tuple(line.price_key for line in lines if line.usd is None),
        token_error=f"Its token counts are estimated, {stated(row.provider)}.",
    )


def _judge_lines(calls: int, input_tokens: float, prices: TokenPrices) -> tuple[CostLine, ...]:
    """Each call shows the judge a question, its reference and two answers, and gets ten numbers back."""
    parts = (
        ("Judge: prompts", input_tokens, prices.input_per_1k_tokens, "input_per_1k_tokens"),
        ("Judge: ratings", _JUDGE_REPLY_TOKENS, prices.output_per_1k_tokens, "output_per_1k_tokens"),
    )
    return tuple(
        CostLine(
            what=what,
            quantity=calls * tokens / 1000,
            unit="1,000 tokens",
            unit_price=unit_price,
            usd=None if unit_price is None else calls * tokens / 1000 * unit_price,
            price_key=f"judge.prices.{key}",
        )
        for what, tokens, unit_price, key in parts
        if calls
    )


def dollars(usd: float) -> str:
    """An amount in whole cents, or with two significant digits where it is less than a dollar."""
    digits = max(2, 1 - math.floor(math.log10(usd))) if 0 < usd < 1 else 2
    whole, _, decimals = f"{usd:,.{digits}f}".partition(".")
    return f"${whole}.{decimals.rstrip('0'):0<2}"


def price(row: BaseModelRow, prices: PriceOverrides | None, name: str) -> float | None:
    """A price by its name in `PriceOverrides`: the settings' where they have it, else the catalog's, else None."""
    override: float | None = getattr(prices, name, None)
    listed: float | None = getattr(row.prices, name)
    return listed if override is None else override


def token_prices(row: BaseModelRow, prices: PriceOverrides | None = None) -> TokenPrices:
    """What the base model's tokens cost on demand, and those of custom models over it."""
    return TokenPrices(
        input_per_1k_tokens=price(row, prices, "input_per_1k_tokens"),
        output_per_1k_tokens=price(row, prices, "output_per_1k_tokens"),
    )


def _line(row: BaseModelRow, prices: PriceOverrides | None, quantified: tuple[str, float, str, str]) -> CostLine:
    what, quantity, unit, name = quantified
    unit_price = price(row, prices, name)
    usd = 0.0 if quantity == 0 else None if unit_price is None else quantity * unit_price
    return CostLine(what=what, quantity=quantity, unit=unit, unit_price=unit_price, usd=usd, price_key=f"prices.{name}")


def within_budget(estimate: CostEstimate, limit_usd: float) -> BudgetVerdict:
    """Whether an estimate stays within a limit; an unknown price never does."""
    if estimate.unknown:
        keys = " and ".join(estimate.unknown)
        return BudgetVerdict(
            within=False,
            reason=f"The cost cannot be estimated because a price is unknown; set {keys} in settings.yaml.",
        )
    total, limit = f"${estimate.total_usd:,.2f}", f"${limit_usd:,.2f}"
    if estimate.total_usd > limit_usd:
        dearest = max(estimate.lines, key=lambda line: line.usd or 0)
        most = f"most of it is {dearest.what[0].lower()}{dearest.what[1:]} (${dearest.usd or 0:,.2f})"
        return BudgetVerdict(
            within=False,
            reason=f"The run would cost {total}, more than the budget of {limit}; {most}. {estimate.token_error}",
        )
    reason = f"The run is estimated at {total}, within the budget of {limit}. {estimate.token_error}"
    return BudgetVerdict(within=True, reason=reason)


def break_even(
    row: BaseModelRow, *, prices: PriceOverrides | None = None, input_share: float = 0.6
) -> BreakEven | None:
    """Where provisioned throughput starts to pay, at this share of prompt tokens; None when a price is unknown or 0."""
    hourly, into, out = (
        price(row, prices, name) for name in ("provisioned_per_hour", "input_per_1k_tokens", "output_per_1k_tokens")
    )
    if not hourly or into is None or out is None or into + out == 0:
        return None
    per_token = (into * input_share + out * (1 - input_share)) / 1000
    monthly = hourly * HOURS_PER_MONTH
    return BreakEven(
        tokens_per_month=monthly / per_token,
        throughput_usd_per_month=monthly,
        on_demand_usd_per_million_tokens=per_token * 1_000_000,
    )


def ask_before_training(estimated_usd: float | None, approve_above_usd: float | None) -> str | None:
    """Why a person is asked before a run trains; None when nobody is. Without a limit nobody is ever asked."""
    if approve_above_usd is None or (estimated_usd is not None and estimated_usd <= approve_above_usd):
        return None
    cost = "unknown" if estimated_usd is None else dollars(estimated_usd)
    return f"The estimated cost of the run is {cost}; budget.approve_above_usd is {dollars(approve_above_usd)}."


def ask_before_service(usd_per_hour: float | None, service_usd_per_month: float) -> str | None:
    """Why a person is asked before something that is billed by the hour goes into service; None when nobody is."""
    if usd_per_hour is not None and per_month(usd_per_hour) <= service_usd_per_month:
        return None
    cost = "an unknown price"
    if usd_per_hour is not None:
        cost = f"{dollars(usd_per_hour)} an hour, about {dollars(per_month(usd_per_hour))} a month"
    return (
        f"The model would go into service on provisioned throughput, for {cost}, until it is deleted; "
        f"budget.service_usd_per_month is {dollars(service_usd_per_month)}."
    )


def per_month(usd_per_hour: float) -> float:
    """What a month costs of something that is billed by the hour."""
    return usd_per_hour * HOURS_PER_MONTH

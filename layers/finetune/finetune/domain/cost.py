"""What a run will cost, before it costs anything: how much is expected, and how much it may be at most."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from pydantic import Field

from finetune.domain.catalog import BaseModelRow, Deployment, base_models, without_profile
from finetune.domain.tokens import stated
from finetune.frozen import Frozen

HOURS_PER_MONTH = 730
USUAL_INPUT_SHARE = 0.6
# What nobody means; a number beyond it is a slip of the pen or a way around a limit.
MOST_PRICE_USD = 100_000
_TOKENS, _HOURS = "1,000 tokens", "started hour"
# What a sentence calls the prices.
_NAMES: Mapping[str, str] = {
    "training_per_1k_tokens": "training",
    "storage_per_month": "storage",
    "input_per_1k_tokens": "prompts",
    "output_per_1k_tokens": "answers",
    "provisioned_per_hour": "an hour of throughput",
}
SERVICE = "In service after a promotion, a month of provisioned throughput"


def _price() -> Any:
    return Field(None, ge=0, le=MOST_PRICE_USD, allow_inf_nan=False)


class PriceOverrides(Frozen):
    """USD prices from the settings; each fills in a price that the catalog does not know, or raises one."""

    training_per_1k_tokens: float | None = _price()
    storage_per_month: float | None = _price()
    input_per_1k_tokens: float | None = _price()
    output_per_1k_tokens: float | None = _price()
    provisioned_per_hour: float | None = _price()


class TokenPrices(Frozen):
    """USD for 1,000 tokens of prompts and of answers; None where a price is unknown."""

    input_per_1k_tokens: float | None = _price()
    output_per_1k_tokens: float | None = _price()

    def usd(self, input_tokens: float, output_tokens: float) -> float | None:
        """What so many tokens cost; None when a price is unknown."""
        if self.input_per_1k_tokens is None or self.output_per_1k_tokens is None:
            return None
        return (input_tokens * self.input_per_1k_tokens + output_tokens * self.output_per_1k_tokens) / 1000


class Listed(Frozen):
    """What the price list told when a run was planned, on a day by AWS's clock; None where nothing was certain."""

    day: date
    prices: PriceOverrides = Field(default_factory=PriceOverrides)
    judge: TokenPrices = Field(default_factory=TokenPrices)


class Amount(NamedTuple):
    """How much of something is expected, and how much there is at most."""

    likely: float
    most: float

    def times(self, factor: float) -> Amount:
        """So many times as much."""
        return Amount(self.likely * factor, self.most * factor)

    @classmethod
    def total(cls, amounts: Iterable[Amount]) -> Amount:
        """The sum of amounts."""
        listed = list(amounts)
        return cls(sum(each.likely for each in listed), sum(each.most for each in listed))


NOTHING = Amount(0, 0)


class Asked(NamedTuple):
    """What an evaluation asks: tokens of all contestants that are paid by the token, of the judge, and the hours.

    `hours` are those of provisioned throughput, where the evaluation needs it.
    """

    prompts: Amount
    answers: Amount
    judge_prompts: Amount = NOTHING
    judge_ratings: Amount = NOTHING
    hours: Amount = NOTHING


class CostLine(Frozen):
    """One thing that is billed; `usd` is None when its price is unknown, and `most_usd` when that or a bound is."""

    what: str
    quantity: float
    unit: str
    unit_price: float | None
    usd: float | None
    price_key: str
    most_usd: float | None = None


class CostEstimate(Frozen):
    """The bill by line; `total_usd` adds the known amounts, `unknown` holds the settings keys of unknown prices.

    `most_usd` is what the run may cost at most. `service` is a month of what a promotion leaves in service, which is no
    part of the run. `token_error` is a sentence that says how far off the token counts may be, `sources` one that says
    where the prices are from.
    """

    lines: tuple[CostLine, ...]
    total_usd: float
    most_usd: float = 0
    unknown: tuple[str, ...] = ()
    service: CostLine | None = None
    token_error: str = ""
    sources: str = ""

    @property
    def said(self) -> tuple[str, ...]:
        """The bill in words: a line for each thing, for what would stay in service, and for where prices are from."""
        lines = [f"{line.what}: {_said(line)}" for line in self.lines]
        service = [f"{self.service.what}: {_said(self.service)}"] if self.service else []
        return (*lines, *service, *filter(None, [self.sources]))


def _said(line: CostLine) -> str:
    if line.usd is None or line.most_usd is None:
        return f"unknown, because {line.price_key} is"
    most = f", at most {cents(line.most_usd)}" if cents(line.most_usd) != cents(line.usd) else ""
    return f"{cents(line.usd)}{most}"


class BreakEven(Frozen):
    """Tokens a month, answers and prompts together, from which one model unit costs less than paying by token."""

    tokens_per_month: float
    throughput_usd_per_month: float
    on_demand_usd_per_million_tokens: float


def estimate_run(  # noqa: PLR0913 - keywords, one for each quantity on the bill
    row: BaseModelRow,
    *,
    training_tokens: Amount,
    epochs: float,
    models: int = 1,
    asked: Asked | None,
    prices: PriceOverrides | None = None,
    judge_prices: TokenPrices | None = None,
    start_hours: float = 0,
    served: Deployment | None = None,
    sources: str = "",
    units: int = 1,
) -> CostEstimate:
    """The bill of a run: training, a month of its models' storage, its evaluation, and the start of its service.

    Contestants that are billed by the token cost the price of the base model, as custom Nova and Llama models do.
    Throughput costs the hours of each of its model `units`; a started hour counts in full. `start_hours` are those that
    throughput may take until it is in service: a run whose model gets there pays none of them. If `asked` is None there
    is no evaluation.
    """
    asked = asked or Asked(NOTHING, NOTHING)
    judge = judge_prices or TokenPrices()
    of_units = f" of {units} model units" if units > 1 else ""
    own: list[tuple[str, Amount, str, str]] = [
        ("Training", training_tokens.times(epochs), _TOKENS, "training_per_1k_tokens"),
        ("Storage of the custom model for a month", Amount(models, models), "month", "storage_per_month"),
        ("Evaluation: prompts", asked.prompts, _TOKENS, "input_per_1k_tokens"),
        ("Evaluation: answers", asked.answers, _TOKENS, "output_per_1k_tokens"),
        (f"Evaluation: provisioned throughput{of_units}", asked.hours.times(units), _HOURS, "provisioned_per_hour"),
        (
            f"Throughput{of_units} until it is in service",
            Amount(0, start_hours * units),
            _HOURS,
            "provisioned_per_hour",
        ),
    ]
    of_judge: list[tuple[str, Amount, str, str]] = [
        ("Judge: prompts", asked.judge_prompts, _TOKENS, "input_per_1k_tokens"),
        ("Judge: ratings", asked.judge_ratings, _TOKENS, "output_per_1k_tokens"),
    ]
    lines = (
        *(_line(*each, price(row, prices, each[-1]), "prices") for each in own if each[1].most),
        *(_line(*each, getattr(judge, each[-1]), "judge.prices") for each in of_judge if each[1].most),
    )
    month, hour = Amount(HOURS_PER_MONTH, HOURS_PER_MONTH).times(units), "provisioned_per_hour"
    in_service = _line(f"{SERVICE}{of_units}", month, "hour", hour, price(row, prices, hour), "prices")
    return CostEstimate(
        lines=lines,
        total_usd=sum(line.usd for line in lines if line.usd is not None),
        most_usd=sum(line.most_usd for line in lines if line.most_usd is not None),
        unknown=tuple(dict.fromkeys(line.price_key for line in lines if line.usd is None)),
        service=in_service if served == "provisioned" else None,
        token_error=f"Its token counts are estimated, {stated(row.provider)}.",
        sources=sources,
    )


def _line(what: str, amount: Amount, unit: str, key: str, unit_price: float | None, place: str) -> CostLine:
    quantity = amount.times(0.001) if unit == _TOKENS else amount
    usd = None if unit_price is None else quantity.times(unit_price)
    return CostLine(
        what=what,
        quantity=quantity.likely or quantity.most,
        unit=unit,
        unit_price=unit_price,
        usd=usd and usd.likely,
        price_key=f"{place}.{key}",
        most_usd=usd and usd.most,
    )


def cents(usd: float) -> str:
    """An amount in whole cents."""
    return "under $0.01" if 0 < usd < 0.005 else f"${usd:,.2f}"


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


def highest[Kind: (PriceOverrides, TokenPrices)](own: Kind, listed: Kind) -> Kind:
    """The prices of settings and of the list together, where both have one the higher: settings only raise a price."""
    both = {
        name: max(usd for usd in (each, getattr(own, name)) if usd is not None)
        for name, each in listed
        if each is not None
    }
    return own.model_copy(update=both)


def sources(row: BaseModelRow, prices: PriceOverrides, listed: Listed | None, today: date) -> str:
    """Where the prices of a run are from, in one sentence, with the age of the catalog's if they are old.

    `prices` are those that hold, of the settings or the list; where they have none the catalog's holds.
    """
    known = [name for name in _NAMES if price(row, prices, name) is not None]
    from_list = [n for n in known if listed and getattr(listed.prices, n) == getattr(prices, n) is not None]
    from_settings = [n for n in known if n not in from_list and getattr(prices, n) is not None]
    named = {
        f"AWS's price list of {listed.day if listed else today}": from_list,
        "settings.yaml": from_settings,
        f"the catalog of {row.prices.as_of}{row.prices.age(today)}": [
            n for n in known if n not in {*from_list, *from_settings}
        ],
    }
    used = {where: names for where, names in named.items() if names}
    if len(used) == 1:
        return f"Prices are those of {next(iter(used))}."
    return f"Prices are {'; '.join(f'of {where}: {_words(names)}' for where, names in used.items())}." if used else ""


def _words(names: Sequence[str]) -> str:
    return ", ".join(_NAMES[name] for name in names)


def hourly(row: BaseModelRow, prices: PriceOverrides | None, units: int) -> float | None:
    """What an hour of throughput of so many model units costs; None when the price is unknown."""
    each = price(row, prices, "provisioned_per_hour")
    return None if each is None else each * units


def lowered(own: PriceOverrides | TokenPrices, listed: object) -> Iterator[tuple[str, float, float]]:
    """The prices that are set below the listed ones: key, own and listed price. Who may set a price is not who pays."""
    for name, usd in own:
        known = getattr(listed, name)
        if usd is not None and known is not None and usd < known:
            yield name, usd, known


def row_asked(model: str | None) -> BaseModelRow | None:
    """The catalog's row of a model by its id for Converse, whatever the Region of its profile."""
    return next(
        (row for row in base_models().values() if without_profile(model or "") == without_profile(row.inference_id)),
        None,
    )


def listed_for(model: str | None) -> TokenPrices:
    """What the catalog knows of a model's tokens, by its id for Converse."""
    row = row_asked(model)
    return token_prices(row) if row else TokenPrices()


def is_judge(model: str) -> bool:
    """Whether the catalog has a model that answers with text under this id for Converse, in any Region's profile."""
    answering = (row for row in base_models().values() if any(map(row.answers_text, row.methods)))
    return without_profile(model) in {without_profile(row.inference_id) for row in answering}


def token_prices(row: BaseModelRow, prices: PriceOverrides | None = None) -> TokenPrices:
    """What the base model's tokens cost on demand, and those of custom models over it."""
    return TokenPrices(
        input_per_1k_tokens=price(row, prices, "input_per_1k_tokens"),
        output_per_1k_tokens=price(row, prices, "output_per_1k_tokens"),
    )


def break_even(
    row: BaseModelRow, *, prices: PriceOverrides | None = None, input_share: float = USUAL_INPUT_SHARE
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


def worth_of_throughput(
    row: BaseModelRow, prices: PriceOverrides | None, input_tokens: float, output_tokens: float, units: int = 1
) -> str:
    """From how many calls an hour throughput is the cheaper way to serve a model, in one sentence.

    The tokens are those of a call on average. Empty if the base model has only one way, or a price is unknown or 0.
    """
    call = token_prices(row, prices).usd(input_tokens, output_tokens)
    hour = hourly(row, prices, units)
    if not call or not hour or not {"on_demand", "provisioned"} <= {*row.deployments}:
        return ""
    return (
        f"On demand 1,000 calls like those of the evaluation cost {dollars(1000 * call)}; throughput of "
        f"{dollars(hour)} an hour pays from {math.ceil(hour / call):,} calls an hour."
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

"""The report's part on money: what the run was estimated to cost, and from where on throughput pays."""

from __future__ import annotations

from finetune.domain.cost import HOURS_PER_MONTH, BreakEven, CostEstimate, CostLine, cents, dollars
from finetune.domain.report.markup import Markup, facts, section, table, tag

_THOUSAND_TOKENS = "1,000 tokens"
_NO_BREAK_EVEN = (
    "The break-even between paying by the token and provisioned throughput is unknown, because one of the two prices "
    "is unknown. Set it under prices in settings.yaml."
)
_LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def bill(cost: CostEstimate | None, break_even: BreakEven | None, tokens_per_call: float | None) -> Markup:
    """The section; `tokens_per_call` are those of the custom model's answers, prompts included."""
    if not cost:
        return Markup()
    rows: list[tuple[object, ...]] = [(line.what, *_quantity(line), *_costs(line)) for line in cost.lines]
    total = "Total of what is known" if cost.unknown else "Total"
    rows.append((tag("b", total), "", "", tag("b", cents(cost.total_usd)), tag("b", cents(cost.most_usd))))
    if cost.service:
        rows.append((cost.service.what, *_quantity(cost.service), *_costs(cost.service)))
    return section(
        "Cost",
        table(("Item", "Quantity", "Price", "Expected", "At most"), rows, class_="numbers"),
        tag("p", cost.sources, class_="note") if cost.sources else Markup(),
        _break_even(break_even, tokens_per_call) if break_even else tag("p", _NO_BREAK_EVEN, class_="note"),
        lead="What the run was estimated to cost before it started to train.",
    )


def _quantity(line: CostLine) -> tuple[str, str]:
    """How much, and at what price; tokens by the million, as price lists have them."""
    if line.unit == _THOUSAND_TOKENS:
        return f"{1000 * line.quantity:,.0f} tokens", _price(line.unit_price, 1000, "million")
    words = line.unit if line.quantity == 1 else f"{line.unit}s"
    return f"{line.quantity:,.10g} {words}", _price(line.unit_price, 1, line.unit)


def _costs(line: CostLine) -> tuple[str, str]:
    return (
        "unknown" if line.usd is None else cents(line.usd),
        "unknown" if line.most_usd is None else cents(line.most_usd),
    )


def _price(usd: float | None, times: int, unit: str) -> str:
    return "unknown" if usd is None else f"{dollars(usd * times)} per {unit}"


def _break_even(found: BreakEven, tokens_per_call: float | None) -> Markup:
    figures: dict[str, int | str] = {
        "One million tokens on demand": dollars(found.on_demand_usd_per_million_tokens),
        "One model unit for a month": dollars(found.throughput_usd_per_month),
        "Break-even": f"{_large(found.tokens_per_month)} tokens a month",
    }
    if tokens_per_call:
        calls = found.tokens_per_month / tokens_per_call
        figures["In calls like those of this evaluation"] = (
            f"{_large(calls)} a month, {_large(calls / HOURS_PER_MONTH)} an hour"
        )
    return tag(
        "div",
        tag("h3", "On demand or provisioned throughput"),
        tag(
            "p",
            "Below the break-even, paying by the token is cheaper. Above it, provisioned throughput is cheaper, if one "
            "model unit can answer that many tokens.",
            class_="lead",
        ),
        facts(figures),
    )


def _large(number: float) -> str:
    """A number in words of two or three digits, since its exactness would be a pretence."""
    size, word = next(((size, word) for size, word in _LARGE if number >= size), (1.0, ""))
    return f"{float(f'{number / size:.3g}'):,g} {word}".rstrip()

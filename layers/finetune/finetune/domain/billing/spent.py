"""What a run has cost: computed from the tokens and hours that were used, never from the estimate."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from finetune.domain.catalog import BaseModelRow
from finetune.domain.cost import PriceOverrides, TokenPrices, dollars, price
from finetune.frozen import Frozen


class SpentLine(Frozen):
    """One thing that was used; `usd` is None when its price is unknown."""

    what: str
    quantity: float
    unit: str
    usd: float | None


class Spent(Frozen):
    """What was used, and in words what could not be counted."""

    lines: tuple[SpentLine, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def total_usd(self) -> float:
        """The known amounts added up; at least so much was spent."""
        return sum(line.usd or 0.0 for line in self.lines)

    @property
    def not_counted(self) -> tuple[str, ...]:
        """Why the total is a lower bound; empty when it is the whole."""
        unknown = tuple(f"{line.what}, whose price is unknown" for line in self.lines if line.usd is None)
        return unknown + self.missing

    @property
    def sentence(self) -> str:
        """The cost of the run as a mail says it."""
        if not self.lines and not self.missing:
            return "Cost of the run: nothing was billed."
        bound = "at least " if self.not_counted else ""
        parts = ", ".join(f"{line.what} {dollars(line.usd)}" for line in self.lines if line.usd is not None)
        computed = f" ({parts}), computed from the tokens and hours that were used" if parts else ""
        missing = f" Not counted: {'; '.join(self.not_counted)}." if self.not_counted else ""
        return f"Cost of the run: {bound}{dollars(self.total_usd)}{computed}.{missing}"


def training(row: BaseModelRow, prices: PriceOverrides | None, tokens: float) -> SpentLine:
    """The tokens of the records, over all epochs that were trained."""
    each = price(row, prices, "training_per_1k_tokens")
    return SpentLine(
        what="training", quantity=tokens, unit="tokens", usd=None if each is None else tokens / 1000 * each
    )


def answers(what: str, prices: TokenPrices, input_tokens: int, output_tokens: int) -> SpentLine:
    """Tokens of prompts and of answers as Converse counted them."""
    usd = prices.usd(input_tokens, output_tokens)
    return SpentLine(what=what, quantity=input_tokens + output_tokens, unit="tokens", usd=usd)


def throughput(
    row: BaseModelRow, prices: PriceOverrides | None, times: Iterable[tuple[datetime, datetime]], units: int = 1
) -> SpentLine:
    """Throughput of so many model units, each from its creation to its deletion; a started hour counts in full."""
    hours = units * sum(max(1, math.ceil((until - opened).total_seconds() / 3600)) for opened, until in times)
    each = price(row, prices, "provisioned_per_hour")
    return SpentLine(
        what="provisioned throughput", quantity=hours, unit="hours", usd=None if each is None else hours * each
    )

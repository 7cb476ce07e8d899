"""What may still be spent on answers, counted as they come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from finetune.domain.billing.limits import ROUNDING
from finetune.domain.cost import cents
from finetune.errors import BudgetReached


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
            if self._spent + most_usd > self._allowed + ROUNDING:
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

"""How much of a dataset is held out."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of all records to hold out, and the items that a verdict takes; what remains is for training."""

    validation: float
    evaluation: float
    least_evaluation: int = 0

    def __post_init__(self) -> None:
        if min(self.validation, self.evaluation) < 0 or self.validation + self.evaluation >= 1:
            raise ValueError("shares must not be negative and must leave something for training")

    def to_evaluate(self, total: int) -> int:
        """How many records to hold out for evaluation: their share, or what a verdict takes if it is a fifth at most.

        >>> [Shares(0.1, 0.1, 20).to_evaluate(total) for total in (90, 149, 1_000)]
        [9, 20, 100]
        """
        share = floor(self.evaluation * total + 0.5)
        return self.least_evaluation if 0 < share < self.least_evaluation <= total / 5 else share

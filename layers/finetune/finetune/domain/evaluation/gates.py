"""What the settings ask of an evaluation: metric, gates and LLM judge; every function loads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finetune.domain.cost import TokenPrices
from finetune.frozen import Frozen

# The rows of `metrics.METRICS`, which no function waits for that only reads the settings.
MetricName = Literal[
    "keyword_recall",
    "label",
    "exact_match",
    "normalised_match",
    "token_f1",
    "rouge_l",
    "chrf",
    "json_valid",
    "json_match",
    "schema_match",
    "checks_passed",
    "facts",
    "format",
    "length_ratio",
]


class Gates(Frozen):
    """What a candidate must show before it is promoted.

    Gains and tolerances are in the metric's unit, 0 to 1. `confidence` belongs to the two-sided interval of the first
    look at an evaluation set: at 0.95 a model that is no better is promoted in at most 2.5 of 100 runs. `later_looks`
    are shares of that chance, for the second look and so on. A guard is broken by a fall beyond its tolerance
    that is not chance at `guard_confidence`, one-sided. A contestant of whose answers more than `unanswered` are empty,
    cut, blocked or unusable has given no evidence. No latency and no price are asked for unless `latency_ms` or
    `usd_per_thousand_calls` is set.
    """

    minimum_items: int = Field(20, ge=5)
    minimum_gain: float = Field(0.0, ge=0, le=1)
    confidence: float = Field(0.95, ge=0.5, le=0.999)
    later_looks: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.34, 0.34, 0.34, 0.34, 0.25), min_length=1, max_length=40
    )
    coverage: float = Field(0.99, gt=0, le=1)
    guard_confidence: float = Field(0.9, ge=0.5, lt=1)
    unanswered: float = Field(0.05, ge=0, le=1)
    empty_answers: float = Field(0.02, ge=0, le=1)
    refusals: float = Field(0.02, ge=0, le=1)
    facts: float = Field(0.02, ge=0, le=1)
    gaming: float = Field(0.02, ge=0, le=1)
    json_validity: float = Field(0.02, ge=0, le=1)
    worst_category: float = Field(0.05, ge=0, le=1)
    judge_rating: float = Field(0.05, ge=0, le=1)
    latency_ms: int | None = Field(None, gt=0)
    late_answers: float = Field(0.05, ge=0, le=1)
    usd_per_thousand_calls: float | None = Field(None, gt=0, allow_inf_nan=False)
    overfitting: Literal["severe", "mild", "ignore"] = "severe"

    def level(self, look: int) -> float:
        """The chance that a look, from 1, may promote a model that is no better.

        After the last of the shares it falls with the square of the look, so that the sum over any number is bounded.
        """
        shares = (1.0, *self.later_looks)
        known = min(look, len(shares))
        return (1 - self.confidence) / 2 * shares[known - 1] * (known / look) ** 2

    def at(self, look: int) -> Gates:
        """The same with the confidence that a look takes."""
        return self if look == 1 else self.model_copy(update={"confidence": 1 - 2 * self.level(look)})


class JudgeSettings(Frozen):
    """Which model judges, by its id for Converse; without one nothing is judged.

    At most `items` are judged, in two calls each. `output` is `json` for models that cannot be made to call a tool. If
    fewer than `coverage` of the items are judged the run is inconclusive. Prices are needed for a model that is not in
    the catalog.
    """

    model: str | None = Field(None, min_length=1, max_length=2048)
    items: int = Field(100, ge=5, le=1000)
    output: Literal["tool", "json"] = "tool"
    coverage: float = Field(0.8, gt=0, le=1)
    prices: TokenPrices = Field(default_factory=TokenPrices)

"""What a run asks a person before it goes on, what that rests on, and what was answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict

from finetune.domain.cost import PriceOverrides
from finetune.frozen import Frozen
from finetune.parts import Stage
from finetune.run import Run
from finetune.settings import Budget


class Terms(Frozen):
    """What an answer rests on beside the run itself: the model in service, the budget and the prices."""

    model_config = ConfigDict(extra="ignore")
    champion: str | None
    budget: Budget
    prices: PriceOverrides
    usd_per_hour: float | None

    def changes(self, now: Terms) -> str:
        """What has changed until now, in words; empty when nothing has."""
        before, after = self.model_dump(), now.model_dump()
        return "; ".join(_changed(before, after))


def _changed(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in after.items():
        if isinstance(value, dict):
            yield from _changed(before[name], value, f"{name}.")
        elif before[name] != value:
            yield f"{_NAMES.get(name, f'{prefix}{name}')} was {_said(before[name])} and is now {_said(value)}"


_NAMES = {"champion": "the model in service", "usd_per_hour": "the price of an hour"}


def _said(value: Any) -> str:
    if isinstance(value, int | float):
        return f"{value:,g}"
    return "none" if value is None else str(value)


class Question(Frozen):
    """One question of a run, as it was mailed; `number` counts from zero how often it was asked again.

    `run_usd`, `most_usd` and `bill` are the run's estimate. `trained` says that its model is trained already.
    `changed` is what had changed since it was asked before.
    """

    model_config = ConfigDict(extra="ignore")
    stage: Stage
    run: Run
    execution_arn: str
    redrives: int = 0
    number: int = 0
    why: str
    run_usd: float | None
    most_usd: float | None = None
    bill: tuple[str, ...] = ()
    trained: bool = False
    evidence: str = ""
    report: str | None = None
    terms: Terms
    asked: datetime
    until: datetime
    changed: str = ""

    @property
    def key(self) -> str:
        """Where the question and its answer are kept, below `approvals/`; the same for each time it is asked.

        A rematch is another comparison, so an answer about the one before does not hold for it.
        """
        return f"{self.run.endpoint_name}/{self.redrives}-{self.run.rematches}-{self.stage}"

    @property
    def before(self) -> Literal["training", "evaluation", "service"]:
        """What a yes lets the run do next."""
        return "evaluation" if self.stage == "training" and self.trained else self.stage

    @property
    def champion_changed(self) -> bool:
        """Whether another model is in service than the one that the run compares its own with."""
        return self.terms.champion != (self.run.champion.model_arn if self.run.champion else None)


class Decision(Frozen):
    """What was answered: yes, no, or nothing because what was shown is not so any more.

    After `changed` the question is asked again. After `void` it cannot be, because the verdict no longer holds.
    """

    model_config = ConfigDict(extra="ignore")
    outcome: Literal["approve", "reject", "changed", "void"]
    by: str
    at: datetime
    reason: str = ""

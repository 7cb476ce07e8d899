"""What a function finds in its environment, as one frozen model per need, read once and complete."""

from __future__ import annotations

import os
from functools import cache
from typing import Self

from pydantic import ConfigDict

from finetune.frozen import Frozen
from finetune.run import Ceilings


class Environment(Frozen):
    """Every function knows its stack."""

    model_config = ConfigDict(extra="ignore")
    STACK_NAME: str

    @classmethod
    @cache
    def read(cls) -> Self:
        """The environment of this process; a missing variable is a ValidationError at the first invocation."""
        return cls.model_validate(dict(os.environ))


class PlanEnvironment(Environment):
    """With what the stack allows: USD for a run and for a month of service, runs in a day and at once, and judges."""

    ARTIFACT_BUCKET: str
    MOST_USD_PER_RUN: float
    MOST_SERVICE_USD_PER_MONTH: float
    MOST_RUNS_PER_DAY: int
    MOST_RUNS_AT_ONCE: int
    JUDGE_MODELS: str

    @property
    def ceilings(self) -> Ceilings:
        """What of it a run is planned with."""
        return Ceilings(
            usd_per_run=self.MOST_USD_PER_RUN,
            service_usd_per_month=self.MOST_SERVICE_USD_PER_MONTH,
            runs_at_once=self.MOST_RUNS_AT_ONCE,
        )


class CustomizationEnvironment(Environment):
    CUSTOMIZATION_ROLE_ARN: str
    MODEL_KMS_KEY_ARN: str


class NotifyEnvironment(Environment):
    ARTIFACT_BUCKET: str
    TOPIC_ARN: str


class WaitingEnvironment(Environment):
    TOPIC_ARN: str


class StartEnvironment(NotifyEnvironment):
    STATE_MACHINE_ARN: str


class SweepEnvironment(StartEnvironment):
    """The sweeper also starts what could not be started."""

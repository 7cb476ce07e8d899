"""What a function finds in its environment, as one frozen model per need, read once and complete."""

from __future__ import annotations

import os
from functools import cache
from typing import Self

from pydantic import ConfigDict

from finetune.frozen import Frozen


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
    """With what the stack allows at most, in USD for a run and a month."""

    ARTIFACT_BUCKET: str
    MOST_USD_PER_RUN: float
    MOST_SERVICE_USD_PER_MONTH: float


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

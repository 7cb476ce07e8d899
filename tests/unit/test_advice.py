"""Every named end of a run has advice, and nothing else has."""

from __future__ import annotations

from typing import get_args

from finetune import messages
from finetune.advice import ADVICE
from finetune.parts import Outcome
from tests.unit.test_messages import LEAVES, known


def test_advice_is_for_errors_that_exist() -> None:
    results = {messages.failure(known(outcome)).Error for outcome in get_args(Outcome)} - {""}
    assert set(ADVICE) == {*LEAVES, *results, "States.Timeout", "Aborted"}

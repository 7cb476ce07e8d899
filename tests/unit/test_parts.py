"""What several steps pass on to each other."""

from __future__ import annotations

import pytest

from finetune.parts import Failure


def test_lambda_s_json_is_reduced_to_its_sentence() -> None:
    cause = '{"errorMessage": "budget.limit_usd is too low.", "errorType": "X", "stackTrace": ["File secret.py"]}'
    assert Failure(Error="X", Cause=cause).sentence == "budget.limit_usd is too low."


@pytest.mark.parametrize("cause", ["", "plain words", "[1]", "{}", "{broken", '"text"', "null"])
def test_any_other_cause_is_said_as_it_is(cause: str) -> None:
    assert Failure(Error="X", Cause=cause).sentence == (cause or "X")

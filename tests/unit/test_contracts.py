"""What every function pays for the contracts, and what they make of a failure."""

import subprocess
import sys

import pytest

from finetune.contracts import Failure


def test_contracts_load_at_most_ten_modules_of_the_ground() -> None:
    count = "import sys, finetune.contracts; print(*(m for m in sys.modules if m.startswith('finetune.domain.')))"
    run = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert len(run.stdout.split()) <= 10, run.stdout


def test_lambda_s_json_is_reduced_to_its_sentence() -> None:
    cause = '{"errorMessage": "budget.limit_usd is too low.", "errorType": "X", "stackTrace": ["File secret.py"]}'
    assert Failure(Error="X", Cause=cause).sentence == "budget.limit_usd is too low."


@pytest.mark.parametrize("cause", ["", "plain words", "[1]", "{}", "{broken", '"text"', "null"])
def test_any_other_cause_is_said_as_it_is(cause: str) -> None:
    assert Failure(Error="X", Cause=cause).sentence == (cause or "X")

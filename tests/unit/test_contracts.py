"""Payloads: what every function pays for the contracts, what they refuse, and what they make of a failure."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from finetune import contracts
from finetune.contracts import CleanUpRunInput, EndStackInput, PrepareDatasetOutput, StartRunInput
from finetune.frozen import Contract
from tests.evaluating import Bucket, items, prepared, run

EVERY = [each for each in vars(contracts).values() if isinstance(each, type) and issubclass(each, Contract)]
DROPPED = {"bucket": "datasets", "key": "incoming/a.jsonl", "version_id": "1", "event_time": "2026-11-21T09:14:31Z"}


def test_contracts_load_at_most_ten_modules_of_the_ground() -> None:
    count = "import sys, finetune.contracts; print(*(m for m in sys.modules if m.startswith('finetune.domain.')))"
    run = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert len(run.stdout.split()) <= 10, run.stdout


# AWS defines what these hold.
NOT_OURS = {CleanUpRunInput, EndStackInput, StartRunInput}


@pytest.mark.parametrize("contract", EVERY)
def test_a_contract_refuses_keys_it_does_not_have_unless_they_are_not_ours(contract: type[Contract]) -> None:
    assert contract.model_config["extra"] == ("ignore" if contract in NOT_OURS else "forbid")
    assert contract.model_config["frozen"]


@pytest.mark.parametrize("contract", EVERY)
def test_a_refusal_never_quotes_what_was_given(contract: type[Contract]) -> None:
    secret = "Zwerchfellkanarienvogel"
    with pytest.raises(ValidationError) as refused:
        contract.model_validate({"another": secret, **{name: [secret] for name in contract.model_fields}}, strict=True)
    assert secret not in str(refused.value)


def test_a_payload_is_json_and_comes_back_as_it_was() -> None:
    planned = run("arn:champion", {"split": {"seed": 3}})
    output = prepared(items(3), Bucket(), planned)
    for contract in (planned, output):
        assert type(contract).model_validate(contract.payload()) == contract
        assert set(map(type, contract.payload().values())) <= {str, int, float, bool, list, dict, type(None)}


def test_no_more_lines_are_passed_on_than_are_reported() -> None:
    output = prepared(items(3), Bucket(), run()).payload() | {"refused_lines": list(range(21))}
    with pytest.raises(ValidationError, match="refused_lines"):
        PrepareDatasetOutput.model_validate(output)


def test_the_end_of_an_execution_is_read_as_step_functions_spells_it_and_as_we_do() -> None:
    told = {"executionArn": "arn:execution", "status": "FAILED", "error": "X", "redriveCount": 0}
    own = CleanUpRunInput(execution_arn="arn:execution", status="FAILED", error="X")
    assert CleanUpRunInput.model_validate(told) == own
    assert (own.input, own.cause) == (None, None)

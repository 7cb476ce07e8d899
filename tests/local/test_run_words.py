"""What is told of a state beside its time."""

from typing import Any

import pytest

from finetune_cli.history import Row
from local.words import note
from tests.local.histories import view


def task(**added: Any) -> Row:
    return Row("A New State", "Task", inside=None, visits=1, left=1, added=added)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Plan Run", "Amazon Nova Micro"),
        ("Validate Dataset", "331 records, no problems"),
        ("Prepare Dataset", "298 to train, 33 to validate, 40 to evaluate, about $1.81"),
        ("Select Model", "training loss 1.359, validation loss 6.277"),
        ("Open Endpoint", "on demand"),
        ("Judge Evaluation", "promote"),
        ("Promote Model", "published as /finetune/shop-assistant/endpoint"),
        ("Release Endpoint", ""),
    ],
)
def test_a_state_tells_what_the_key_that_it_adds_says(name: str, told: str) -> None:
    rows = {row.name: row for row in view("promoted").rows}
    assert note(rows[name]) == told


def test_a_state_with_a_key_of_its_own_tells_the_verdicts_of_it() -> None:
    assert note(task(approval={"decision": "not_approved", "seconds": 3, "by": "somebody"})) == "not approved"
    assert note(task(noticed={"cause": "It broke."}, counted=3)) == ""

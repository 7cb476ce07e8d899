"""The emulator as judge, and the faults of single prompts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from finetune.domain.evaluation.gates import JudgeSettings
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.evaluation.llm_judge import MALFORMED, Pair, read, request
from tests.emulator import Emulator, ManualClock, running_emulator

JUDGE = JudgeSettings(model="amazon.nova-pro-v1:0")
ITEM = EvaluationItem(
    id="i", line=1, messages=(Turn(role="user", text="How long can I return it?"),), reference="Within 30 days."
)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with running_emulator(ManualClock()) as running:
        yield running


def pair(swapped: bool = False) -> Pair:
    first, second = ("I do not know.", "Within 30 days, unused.")[:: -1 if swapped else 1]
    return Pair("i/1", ITEM, first, second, swapped=swapped)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_answer_that_is_nearer_to_the_reference_is_rated_higher_wherever_it_stands(
    emulator: Emulator, swapped: bool
) -> None:
    reply = emulator.runtime.converse(**request(pair(swapped), JUDGE, "b0ba"))
    assert reply["stopReason"] == "tool_use"
    found = read(pair(swapped), reply)
    assert found.before is not None
    assert found.candidate is not None
    assert (found.before.accuracy, found.candidate.accuracy) == (1, 4)
    assert found.input_tokens > found.output_tokens > 0


def test_ratings_can_be_garbled(emulator: Emulator) -> None:
    emulator.admin.inject("garbled-ratings")
    assert read(pair(), emulator.runtime.converse(**request(pair(), JUDGE, "b0ba"))).error == MALFORMED
    assert read(pair(), emulator.runtime.converse(**request(pair(), JUDGE, "b0ba"))).error is None


def test_a_single_prompt_can_be_refused(emulator: Emulator) -> None:
    emulator.admin.inject("refuse-prompt")
    with pytest.raises(ClientError, match="ValidationException"):
        emulator.runtime.converse(**request(pair(), JUDGE, "b0ba"))
    emulator.runtime.converse(**request(pair(), JUDGE, "b0ba"))


def test_the_request_log_names_the_model_asked(emulator: Emulator) -> None:
    emulator.runtime.converse(**request(pair(), JUDGE, "b0ba"))
    assert [(line.operation, line.model) for line in emulator.admin.requests()][-1] == ("Converse", JUDGE.model)

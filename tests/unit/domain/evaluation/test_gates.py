"""What settings may ask of an evaluation."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from finetune.domain.evaluation.gates import Gates, JudgeSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 0.9995},
        {"confidence": 0.4},
        {"guard_confidence": 1.0},
        {"minimum_items": 4},
        {"minimum_gain": -0.1},
        {"coverage": 0},
        {"coverage": 1.1},
        {"empty_answers": 2},
        {"overfitting": "some"},
        {"min_gain": 0.1},
    ],
)
def test_gates_refuse_what_makes_no_sense_and_what_they_do_not_know(wrong: dict[str, object]) -> None:
    [name] = wrong
    with pytest.raises(ValidationError, match=rf"1 validation error for Gates\s+{name}"):
        Gates.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong", [{"model": ""}, {"items": 4}, {"items": 1_001}, {"output": "text"}, {"coverage": 0}, {"criteria": []}]
)
def test_a_judge_is_refused_what_it_cannot_do(wrong: dict[str, object]) -> None:
    [name] = wrong
    with pytest.raises(ValidationError, match=rf"1 validation error for JudgeSettings\s+{name}"):
        JudgeSettings.model_validate(wrong)


def test_nobody_judges_unless_a_model_is_named() -> None:
    assert JudgeSettings().model is None

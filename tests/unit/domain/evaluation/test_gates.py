"""What settings may ask of an evaluation."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from finetune.domain.evaluation.gates import Gates


@pytest.mark.parametrize("wrong", [{"confidence": 0.9995}, {"minimum_items": 0}, {"coverage": 0}, {"min_gain": 0.1}])
def test_gates_refuse_what_makes_no_sense_and_what_they_do_not_know(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Gates.model_validate(wrong)

"""The same data, base model, method and hyperparameters are the same training, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from finetune.domain.customization.content import content_of

SAME: dict[str, Any] = {
    "training": "a" * 64,
    "validation": "b" * 64,
    "base_model": "amazon.nova-micro-v1:0:128k",
    "method": "FINE_TUNING",
    "hyperparameters": [{"epochCount": "2", "learningRate": "0.00001"}, {"epochCount": "3"}],
}


def test_the_order_in_which_hyperparameters_and_candidates_are_named_changes_nothing() -> None:
    other = [{"epochCount": "3"}, {"learningRate": "0.00001", "epochCount": "2"}]
    assert content_of(**SAME | {"hyperparameters": other}) == content_of(**SAME)


@pytest.mark.parametrize(
    "different",
    [
        {"training": "c" * 64},
        {"validation": "c" * 64},
        {"validation": None},
        {"base_model": "amazon.nova-lite-v1:0:300k"},
        {"method": "CONTINUED_PRE_TRAINING"},
        {"hyperparameters": [{"epochCount": "2", "learningRate": "0.00002"}, {"epochCount": "3"}]},
        {"hyperparameters": [{"epochCount": "3"}]},
    ],
    ids=str,
)
def test_what_differs_in_one_thing_is_another_training(different: dict[str, Any]) -> None:
    assert content_of(**SAME | different) != content_of(**SAME)

"""The one base of what is written down as JSON and read back."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from finetune.frozen import Frozen


class Thing(Frozen):
    name: str
    size: int = 1


def test_a_value_comes_back_from_json_as_it_was_and_equals_another_with_the_same_fields() -> None:
    assert Thing.model_validate_json(Thing(name="a").model_dump_json()) == Thing(name="a", size=1)
    assert len({Thing(name="a"), Thing(name="a"), Thing(name="b")}) == 2


def test_a_key_that_it_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match=r"colour\s+Extra inputs are not permitted"):
        Thing.model_validate({"name": "a", "colour": "red"})


def test_a_value_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Thing(name="a").size = 2  # type: ignore[misc]  # that is what is tested

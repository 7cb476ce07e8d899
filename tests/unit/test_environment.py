"""What a function finds in its environment: complete, read once, and never changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from finetune import environment
from finetune.environment import CustomizationEnvironment, Environment, SweepEnvironment

MODELS = [each for each in vars(environment).values() if isinstance(each, type) and issubclass(each, Environment)]


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    Environment.read.cache_clear()
    yield
    Environment.read.cache_clear()


def given(monkeypatch: pytest.MonkeyPatch, model: type[Environment]) -> None:
    for name in model.model_fields:
        monkeypatch.setenv(name, value_of(model, name))


def value_of(model: type[Environment], name: str) -> str:
    """Some value of the kind that a variable has."""
    return f"{name} of the function" if model.model_fields[name].annotation is str else "7"


@pytest.mark.parametrize("model", MODELS)
def test_every_variable_is_read_and_none_that_belongs_to_others(
    monkeypatch: pytest.MonkeyPatch, model: type[Environment]
) -> None:
    given(monkeypatch, model)
    read = model.read().model_dump()
    assert {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in read.items()} == {
        name: value_of(model, name) for name in model.model_fields
    }
    assert "STACK_NAME" in read


@pytest.mark.parametrize(("model", "name"), [(model, name) for model in MODELS for name in model.model_fields], ids=str)
def test_a_variable_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, model: type[Environment], name: str
) -> None:
    given(monkeypatch, model)
    monkeypatch.delenv(name)
    with pytest.raises(ValidationError, match=rf"1 validation error for {model.__name__}\s+{name}\s+Field required"):
        model.read()


def test_an_environment_is_read_once_and_each_model_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, SweepEnvironment)
    first = SweepEnvironment.read()
    monkeypatch.setenv("TOPIC_ARN", "another")
    assert SweepEnvironment.read() is first
    with pytest.raises(ValidationError, match="CUSTOMIZATION_ROLE_ARN"):
        CustomizationEnvironment.read()


def test_an_environment_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, Environment)
    with pytest.raises(ValidationError, match="frozen"):
        Environment.read().STACK_NAME = "another"  # type: ignore[misc]  # that is what is tested

"""`finetune models` lists what the stack has trained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command import answered, finetune
from tests.stacks import Stack, deployed


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def test_each_model_is_listed_with_where_it_stands_its_age_and_its_price(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    served = stack.model("shop", 1)
    stack.model("zoo", 2, **{"finetune-keep": "true"})
    stack.publish("shop", 1, served, stack.endpoint("shop", 1, served))
    assert finetune("models") == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["model", "stands", "age", "price"]
    assert (stack.name("zoo", 2) in first, "kept" in first) == (True, True)
    assert (stack.name("shop", 1) in second, "in service" in second) == (True, True)


def test_one_project_and_none(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.model("shop", 1)
    stack.model("zoo", 2)
    assert finetune("models", "zoo", "--json") == 0
    assert [each["project"] for each in answered(capsys)["models"]] == ["zoo"]
    assert finetune("models", "nobody") == 1
    assert "has no custom model" in capsys.readouterr().out


def test_what_cannot_be_asked_is_said(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.account.emulator.admin.inject("deny-list-models:always")
    assert finetune("models") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "not asked, so there may be more" in err

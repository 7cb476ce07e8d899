"""`finetune keep` puts the tag on a model that every deletion respects, and takes it off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finetune.aws import clients, tags
from tests.command import answered, finetune
from tests.stacks import Stack, deployed


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def on(arn: str) -> dict[str, str]:
    found = tags.read(clients.bedrock(), arn)
    assert found
    return found[0]


def test_a_model_is_kept_and_let_go_again_with_new_days(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    arn = stack.model("shop", 1, **{"finetune-delete-after": "2026-11-01T00:00:00Z"})
    assert finetune("keep", stack.name("shop", 1)) == 0
    assert on(arn)["finetune-keep"] == "true"
    assert finetune("keep", arn, "--not", "--json") == 0
    assert not {"finetune-keep", "finetune-delete-after"} & on(arn).keys()
    capsys.readouterr()
    assert finetune("keep", arn, "--json") == 0
    assert answered(capsys) == {"model": stack.name("shop", 1), "arn": arn, "kept": True}


@pytest.mark.parametrize("name", ["shop-20261121-103001-00000001-c1", "somebody-s"])
def test_a_model_that_the_stack_has_not_is_a_no(stack: Stack, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    stack.account.emulator.add_model("somebody-s", "amazon.nova-micro-v1:0:128k")
    assert finetune("keep", name) == 1
    assert f"has no custom model {name}." in capsys.readouterr().err

"""`finetune delete` shows a plan, asks, removes what it showed and nothing else, and says so when something stays."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.command import answered, finetune
from tests.stacks import Stack, deployed


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


@pytest.fixture
def shop(stack: Stack) -> str:
    """A project with a model in service, one before and one more, beside another project; the endpoint's ARN."""
    before, serving = stack.model("shop", 1), stack.model("shop", 2)
    stack.model("shop", 3)
    endpoint = stack.endpoint("shop", 2, serving)
    stack.publish("shop", 2, serving, endpoint, previous_model_arn=before, previous_run_id=stack.run(1))
    zoo = stack.model("zoo", 4)
    stack.publish("zoo", 4, zoo, stack.endpoint("zoo", 4, zoo))
    return endpoint


def test_a_project_goes_as_a_whole_and_nothing_of_another(
    stack: Stack, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune("delete", "shop", "--yes") == 0
    told = capsys.readouterr().out
    for words in (
        f"delete  {shop} (on-demand deployment, billed by the token, nothing while idle)",
        "delete  /finetune/shop/endpoint (parameter)",
        f"delete  {stack.name('shop', 1)} (custom model)",
        "Applications that read /finetune/shop/endpoint get no answer any more.",
        "It costs about $5.25 a month now, as far as prices are known.",
        "Deleted, and Bedrock knows nothing of it any more.",
    ):
        assert words in told
    assert stack.models() == {stack.name("zoo", 4)}
    assert len(stack.open()) == 1
    assert (stack.published("shop"), stack.published("zoo")) == (False, True)


@pytest.mark.usefixtures("shop")
def test_without_a_yes_nothing_is_deleted(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finetune("delete", "shop") == 1
    assert "nothing was deleted" in capsys.readouterr().err
    assert finetune("delete", "shop", "--json") == 1
    assert json.loads(capsys.readouterr().out)["result"]["deleted"] is False
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for reply, code in (("no\n", 1), ("yes\n", 0)):
        monkeypatch.setattr(sys.stdin, "readline", lambda reply=reply: reply, raising=False)
        assert stack.published("shop")
        assert finetune("delete", "shop") == code
    assert not stack.published("shop")


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (1, "a rollback returns to it"),
        (2, "it is in service; only `finetune delete shop` deletes it, with the project"),
    ],
)
def test_a_model_that_is_needed_stays_with_the_reason(
    stack: Stack, shop: str, number: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune("delete", stack.name("shop", number), "--yes") == 1
    assert f"stays   {stack.name('shop', number)}: {why}" in capsys.readouterr().out
    assert shop in stack.open()
    assert len(stack.models()) == 4


def test_a_model_that_nobody_needs_goes_alone(stack: Stack, shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert finetune("delete", stack.name("shop", 3), "--yes", "--json") == 0
    assert answered(capsys)["models"] == [stack.name("shop", 3)]
    assert stack.models() == {stack.name("shop", 1), stack.name("shop", 2), stack.name("zoo", 4)}
    assert shop in stack.open()


def test_of_a_run_in_service_nothing_goes_and_of_another_everything(
    stack: Stack, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loose = stack.endpoint("shop", 3, stack.account.emulator.model_arn(stack.name("shop", 3)))
    assert finetune("delete", stack.run(2), "--yes") == 1
    assert f"stays   {shop}: it is in service" in capsys.readouterr().out
    assert finetune("delete", f"shop-{stack.run(3)}", "--yes") == 0
    assert loose not in stack.open()
    assert stack.name("shop", 3) not in stack.models()
    assert shop in stack.open()


def test_what_is_not_there_is_a_no_and_what_cannot_be_seen_is_an_error(
    stack: Stack, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune("delete", "nobody", "--yes") == 1
    assert "has nothing of nobody." in capsys.readouterr().err
    stack.account.emulator.admin.inject("deny-list-custom-models:always")
    assert finetune("delete", "shop", "--yes") == 2
    assert "Nothing was deleted, because not everything can be seen." in capsys.readouterr().err
    assert shop in stack.open()

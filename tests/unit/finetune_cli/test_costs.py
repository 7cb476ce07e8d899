"""`finetune costs` asks the account, says whose each thing is and what it costs, and what could not be asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finetune.aws import clients, retention, storage
from tests.command import answered, finetune
from tests.stacks import Stack, deployed
from tests.template import ARTIFACTS


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def test_everything_of_the_stack_is_listed_with_owner_age_price_and_day(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    served = stack.model("shop", 1)
    stack.model("shop", 2, **{"finetune-delete-after": "2026-12-24T12:00:00Z"})
    stack.model("zoo", 3, **{"finetune-keep": "true"})
    stack.account.emulator.add_model("somebody-s", "amazon.nova-micro-v1:0:128k")
    endpoint = stack.endpoint("shop", 1, served, provisioned=True)
    stack.publish("shop", 1, served, endpoint, prices={"provisioned_per_hour": 20, "storage_per_month": 2})
    stack.endpoint("zoo", 3, stack.model("zoo", 4))
    stack.account.clock.advance(3 * 24 * 60)
    assert finetune("costs") == 0
    told = capsys.readouterr().out
    for words in (
        f"{endpoint} (provisioned throughput)\n  shop, run {stack.run(1)}, 3 days old\n"
        "  $20.00 an hour, about $14,600.00 a month; in service",
        f"{stack.name('shop', 1)} (custom model)\n  shop, run {stack.run(1)}, 3 days old\n  $2.00 a month; in service",
        "$2.00 a month; deleted on 2026-12-24",
        "$1.75 a month; kept by `finetune keep`",
        "billed by the token, nothing while idle",
        "Total by time: $14,607.50 a month, beside tokens.",
    ):
        assert words in told
    assert "somebody-s" not in told


def test_one_project_and_json(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.model("shop", 1)
    stack.model("zoo", 2)
    assert finetune("costs", "zoo", "--json") == 0
    found = answered(capsys)
    assert [(each["kind"], each["project"]) for each in found["billed"]] == [("model", "zoo")]
    assert (found["usd_per_month"], found["unasked"]) == (1.75, [])
    assert finetune("costs", "nobody") == 1
    assert "billed for nothing" in capsys.readouterr().out


@pytest.mark.usefixtures("stack")
def test_what_retention_deleted_lately_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    content = b'{"deleted": [{"name": "shop-old", "at": "2026-11-20T00:00:00Z"}]}'
    storage.write(clients.s3(), retention.marker(ARTIFACTS), content, "application/json")
    assert finetune("costs") == 1
    assert "Deleted by retention.days on 2026-11-20: shop-old" in capsys.readouterr().out


def test_what_cannot_be_asked_is_said_and_nothing_is_denied(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.account.emulator.admin.inject("deny-list-throughputs:always")
    assert finetune("costs") == 0
    assert "not asked, so there may be more: While listing provisioned endpoints" in capsys.readouterr().err

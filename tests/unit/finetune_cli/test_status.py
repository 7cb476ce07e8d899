"""`finetune status`: what is in service, at what price, and who is changing it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from finetune.aws import clients, publication, usage
from finetune.aws.endpoints import Found
from finetune.aws.overview import InService
from finetune.aws.usage import Usage
from finetune.errors import AccessRefused
from finetune_cli import status
from finetune_cli.status import usd


@pytest.mark.parametrize(
    ("amount", "words"), [(3.5e-05, "$0.000035"), (0.00014, "$0.00014"), (0.0, "$0"), (12.5, "$12.5")]
)
def test_a_price_is_written_out(amount: float, words: str) -> None:
    assert usd(amount) == words


@pytest.mark.parametrize(
    ("execution", "serving", "words"),
    [
        (None, "arn:before", "a rollback of shop to run r1 is not finished; `finetune rollback shop`"),
        ("arn:execution", "arn:now", "run r1 is putting another model behind the endpoint of shop."),
        ("", "arn:other", "which is not the published model: somebody changed it by hand."),
        ("", "arn:now", None),
    ],
)
def test_status_says_who_is_changing_what_an_endpoint_answers_with(
    execution: str | None, serving: str, words: str | None
) -> None:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    swap = publication.Swap(model_arn="arn:before", run_id="r1", execution_arn=execution, begun=moment)
    published = publication.Published(
        endpoint_arn="arn:endpoint",
        endpoint_name="shop",
        kind="on_demand",
        base_model="amazon.nova-micro-v1:0:128k",
        model_arn="arn:now",
        run_id="r2",
        swap=None if execution == "" else swap,
    )
    found = Found(published.endpoint, "Ready", serving, False, None, moment, moment, moment)
    told = status._mismatch(InService("shop", published, found))
    assert told == words if words is None else words in str(told)


def test_the_price_of_throughput_is_that_of_all_its_model_units() -> None:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    published = publication.Published(
        endpoint_arn="arn:endpoint",
        endpoint_name="shop",
        kind="provisioned",
        base_model="amazon.nova-lite-v1:0:300k",
        model_arn="arn:now",
        run_id="r2",
        model_units=2,
    )
    found = Found(published.endpoint, "Ready", "arn:now", False, None, moment, moment, moment, units=3)
    assert status._prices(InService("shop", published, found))["provisioned_per_hour"] == pytest.approx(3 * 108.15)
    assert status._prices(InService("shop", published, None))["provisioned_per_hour"] == pytest.approx(2 * 108.15)


def served(kind: str = "on_demand", base_model: str = "amazon.nova-micro-v1:0:128k") -> InService:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    published = publication.Published.model_validate(
        {
            "endpoint_arn": "arn:endpoint/abc",
            "endpoint_name": "shop",
            "kind": kind,
            "base_model": base_model,
            "model_arn": "arn:now",
            "run_id": "r2",
            "prices": {"input_per_1k_tokens": 1, "output_per_1k_tokens": 2, "provisioned_per_hour": 10},
        }
    )
    return InService(
        "shop", published, Found(published.endpoint, "Ready", "arn:now", False, None, moment, moment, moment)
    )


USED = Usage(
    invocations=1_400,
    client_errors=3,
    server_errors=1,
    throttles=2,
    input_tokens=7_000,
    output_tokens=14_000,
    latency_ms=640,
)


def test_the_use_of_a_model_is_told_with_errors_latency_length_and_price_a_day() -> None:
    assert status._usage_words(served(), USED) == (
        "1,400 calls in 7 days, 4 errors, 2 throttled, 0.6 s each, 10 tokens an answer, about $5.00 a day"
    )
    assert status._usage_words(served("provisioned"), USED).endswith("about $240.00 a day")
    assert status._usage_words(served(), None) == "CloudWatch knows of no call in 7 days"


def test_an_endpoint_is_looked_for_under_each_of_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[object]()

    def of_endpoints(*given: object) -> dict[str, Usage]:
        asked.extend(given[1:])
        return {"shop": USED}

    monkeypatch.setattr(usage, "of_endpoints", of_endpoints)
    monkeypatch.setattr(clients, "cloudwatch", lambda: None)
    assert status._usage([served()]) == ({"shop": USED}, [])
    names = ["arn:endpoint/abc", "abc", "shop", "arn:now"]
    assert asked == [{"shop": names}, datetime(2026, 11, 21, tzinfo=UTC)]


def test_that_the_use_is_not_known_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> dict[str, Usage]:
        raise AccessRefused("no cloudwatch:ListMetrics")

    monkeypatch.setattr(usage, "of_endpoints", refuse)
    monkeypatch.setattr(clients, "cloudwatch", lambda: None)
    found, said = status._usage([served()])
    assert (found, said) == ({}, ["not known how the models are used: no cloudwatch:ListMetrics"])

"""The one place an application reads its endpoint from: written whole, read back, refused when it is something else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_ssm import SSMClient

from finetune.aws import publication
from finetune.aws.publication import Published, Swap
from finetune.errors import AccessRefused, ChampionChanged, FineTuneError, ServiceBusy, ServiceRefused
from finetune.run import ObjectVersion
from tests.integration.deployed import refused

PUBLISHED = Published(
    endpoint_arn="arn:endpoint",
    endpoint_name="endpoint",
    kind="on_demand",
    base_model="amazon.nova-micro-v1:0:128k",
    model_arn="arn:model",
    run_id="run",
    dataset=ObjectVersion(bucket="datasets", key="incoming/{{ shop }}/a.jsonl", version_id="1"),
)
SWAP = Swap(model_arn="arn:new", run_id="next", execution_arn="arn:execution", begun=datetime(2026, 11, 21, tzinfo=UTC))


@pytest.fixture
def ssm() -> Iterator[SSMClient]:
    with mock_aws():
        yield boto3.client("ssm", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def test_what_is_published_is_read_back_whole(ssm: SSMClient) -> None:
    assert publication.read(ssm, "stack", "shop") is None
    for published in (PUBLISHED, PUBLISHED.model_copy(update={"swap": SWAP, "previous_model_arn": "arn:old"})):
        publication.write(ssm, "stack", "shop", published)
        assert publication.read(ssm, "stack", "shop") == published


@pytest.mark.parametrize(
    ("code", "error"), [("ThrottlingException", ServiceBusy), ("AccessDeniedException", AccessRefused)]
)
def test_a_parameter_that_cannot_be_read_is_not_one_that_is_missing(
    ssm: SSMClient, monkeypatch: pytest.MonkeyPatch, code: str, error: type[FineTuneError]
) -> None:
    def refuse(**_: str) -> None:
        raise refused(code)

    monkeypatch.setattr(ssm, "get_parameter", refuse)
    with pytest.raises(error, match="reading parameter /stack/shop/endpoint"):
        publication.read(ssm, "stack", "shop")


def test_a_first_publication_replaces_nothing(ssm: SSMClient) -> None:
    publication.write(ssm, "stack", "shop", PUBLISHED, first=True)
    with pytest.raises(ChampionChanged, match="was published since run next looked there"):
        publication.write(ssm, "stack", "shop", PUBLISHED.model_copy(update={"run_id": "next"}), first=True)
    assert publication.read(ssm, "stack", "shop") == PUBLISHED


def test_no_value_looks_like_a_reference_to_another_parameter(ssm: SSMClient) -> None:
    publication.write(ssm, "stack", "shop", PUBLISHED)
    assert "{{" not in ssm.get_parameter(Name="/stack/shop/endpoint")["Parameter"]["Value"]


@pytest.mark.parametrize(
    ("value", "words"),
    [("arn:endpoint", r"the whole: Invalid JSON"), ("{}", r"endpoint_arn: Field required"), ("[]", r"the whole: ")],
)
def test_what_no_promotion_wrote_is_refused_with_where_the_good_version_is(
    ssm: SSMClient, value: str, words: str
) -> None:
    ssm.put_parameter(Name="/stack/shop/endpoint", Value=value, Type="String")
    with pytest.raises(ServiceRefused, match=rf"/stack/shop/endpoint does not hold .*{words}.*the parameter's history"):
        publication.read(ssm, "stack", "shop")


def test_every_project_of_a_stack_is_read_by_name_and_nothing_else_below_it(ssm: SSMClient) -> None:
    for slug in ("zoo", "shop", "bar"):
        publication.write(ssm, "stack", slug, PUBLISHED.model_copy(update={"run_id": slug}))
    publication.write(ssm, "stack-2", "shop", PUBLISHED)
    ssm.put_parameter(Name="/stack/shop/note", Value="x", Type="String")
    ssm.put_parameter(Name="/stack/shop/old/endpoint/x", Value="x", Type="String")
    found = list(publication.read_all(ssm, "stack"))
    assert [(slug, published.run_id) for slug, published in found] == [("bar", "bar"), ("shop", "shop"), ("zoo", "zoo")]


def test_a_swap_says_who_began_it() -> None:
    assert SWAP.who == "Run next"
    assert SWAP.model_copy(update={"execution_arn": None}).who == "A rollback to run next"

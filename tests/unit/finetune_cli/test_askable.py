"""Who may be asked, by whatever name a person has for it, and what that costs at most."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune_cli import askable, stack
from finetune_cli.answer import UsageFailure
from tests.past import Runs
from tests.unit.finetune_cli.serving import serving

ITEM = EvaluationItem(id="1", line=1, messages=(Turn(role="user", text="How long?"),))


def test_a_model_in_service_is_found_by_project_endpoint_and_model(past: Runs) -> None:
    _, published = serving(past)
    by = stack.removing("finetune")
    names = ("shop", published.endpoint_arn, published.model_arn, f"{published.endpoint_name}-c1")
    for name in names:
        [found] = askable.find(by, name)
        assert found.contestant.asked_as == published.endpoint_arn


def test_a_base_model_stands_beside_it_with_the_same_prices(past: Runs) -> None:
    serving(past)
    base, custom = askable.find(stack.removing("finetune"), "shop", compare=True)
    assert base.contestant.asked_as == base.row.inference_id
    assert base.prices == custom.prices
    assert base.parameters == custom.parameters


@pytest.mark.parametrize(
    ("name", "compare", "words"),
    [
        ("nobody", False, "'nobody' has nothing in service and is no base model"),
        ("nova-micro", True, "'nova-micro' is a base model; name a project"),
        ("arn:aws:bedrock:us-east-1:1:custom-model/x/y", False, "is not in service, and Bedrock answers only through"),
    ],
)
def test_whoever_cannot_be_asked_is_told_why(past: Runs, name: str, compare: bool, words: str) -> None:
    serving(past)
    with pytest.raises(UsageFailure, match=words):
        askable.find(stack.removing("finetune"), name, compare=compare)


def test_a_custom_model_without_an_endpoint_is_named(past: Runs) -> None:
    past.stack.model("zoo", 2)
    with pytest.raises(UsageFailure, match="is not in service"):
        askable.find(stack.removing("finetune"), past.stack.name("zoo", 2))


def test_the_most_that_an_answer_costs_counts_all_tokens_that_it_may_have(past: Runs) -> None:
    serving(past, prices={"input_per_1k_tokens": 0.0, "output_per_1k_tokens": 1.0})
    [found] = askable.find(stack.removing("finetune"), "shop")
    assert found.bounded(2_000).most_usd(ITEM) == 2.0
    assert askable.bound([(found.bounded(1_000), ITEM)] * 3) == 3.0


def test_on_throughput_an_answer_costs_nothing_more(past: Runs) -> None:
    serving(past, kind="provisioned-model")
    [found] = askable.find(stack.removing("finetune"), "shop")
    assert found.most_usd(ITEM) == 0.0


def test_a_long_line_of_an_answer_is_shown_in_pieces_and_nothing_is_lost() -> None:
    text = f"{'x' * 2_500}\n\nend"
    assert [len(each) for each in askable.lines(text)] == [1000, 1000, 500, 0, 3]


@pytest.mark.parametrize(("code", "calls"), [("InternalServerException", 1), ("ThrottlingException", 2)])
def test_only_what_was_certainly_not_billed_is_asked_again(past: Runs, code: str, calls: int) -> None:
    runtime, _ = serving(past)
    runtime.errors = [ClientError({"Error": {"Code": code, "Message": ""}}, "Converse")]
    [found] = askable.find(stack.removing("finetune"), "shop")
    [answer] = found.answers([ITEM])
    assert len(runtime.asked) == calls
    assert answer.error == (code if calls == 1 else None)

"""What an evaluation takes, from its items' own texts and from how they are asked."""

from __future__ import annotations

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.cost import Amount, TokenPrices
from finetune.domain.evaluation import expense
from finetune.domain.tokens import estimate
from tests.evaluating import items

ROW = base_model("amazon.nova-micro-v1:0:128k")
LONG = "Where is the parcel that I was promised? " * 3000


def test_a_prompt_is_as_long_as_its_item_and_an_answer_as_its_reference_at_most_where_it_is_cut() -> None:
    [item] = items(1, system=LONG, reference="Within 30 days.")
    assert expense.prompt(item, "Amazon").likely == estimate(LONG + item.messages[0].text, "Amazon")
    assert expense.prompt(item, "Amazon").most > 1.4 * expense.prompt(item, "Amazon").likely
    assert expense.answer(item, ROW, "candidate") == (estimate("Within 30 days.", "Amazon"), 1024)
    assert expense.answer(item, ROW, "base").likely > expense.answer(item, ROW, "candidate").likely
    [endless] = items(1, reference=LONG)
    assert expense.answer(endless, ROW, "candidate") == (ROW.answer_tokens, ROW.answer_tokens)


def test_an_answer_may_be_twice_as_long_as_its_reference_and_no_longer_than_the_model_or_the_settings_allow() -> None:
    [short] = items(1)
    [long] = items(1, reference="Check part 3 and note value 7. " * 230)
    assert 1500 < estimate(long.reference or "", "Amazon") < 2500
    assert expense.longest_answer(short, ROW) == 1024
    assert 2 * estimate(long.reference or "", "Amazon") < expense.longest_answer(long, ROW) < ROW.answer_tokens
    assert expense.longest_answer(long, base_model("meta.llama3-1-8b-instruct-v1:0:128k")) == 2048
    assert expense.longest_answer(long, ROW, 300) == expense.longest_answer(short, ROW, 300) == 300


@pytest.mark.parametrize(
    ("champion", "endpoint", "paid"),
    [
        (None, "on_demand", ("base", "candidate")),
        (None, "provisioned", ("base",)),
        ("arn:aws:bedrock:us-east-1:1:custom-model-deployment/x", "on_demand", ("base", "champion", "candidate")),
        ("arn:aws:bedrock:us-east-1:1:provisioned-model/x", "on_demand", ("base", "candidate")),
    ],
)
def test_only_those_are_paid_by_the_token_who_have_no_throughput(
    champion: str | None, endpoint: str, paid: tuple[str, ...]
) -> None:
    assert expense.paid_by_token(champion, endpoint) == paid  # type: ignore[arg-type]  # a kind


def test_the_bill_of_a_set_is_that_of_its_shards_together() -> None:
    every, prices, judge = items(40), TokenPrices(input_per_1k_tokens=1, output_per_1k_tokens=2), TokenPrices()
    paid, judged = ("base", "candidate"), {"item-0", "item-30"}
    priced = judge.model_copy(update={"input_per_1k_tokens": 3.0, "output_per_1k_tokens": 4.0})
    parts = [expense.asked(part, paid, judged, ROW) for part in (every[:25], every[25:])]
    whole = expense.most_usd(expense.asked(every, paid, judged, ROW), prices, priced)
    assert whole == pytest.approx(sum(expense.most_usd(part, prices, priced) or 0 for part in parts))
    assert expense.most_usd(parts[0], prices, judge) is None


def test_an_evaluation_takes_at_most_as_long_as_its_shards_do_at_their_slowest_pace() -> None:
    assert expense.minutes([], 2, 0, None) == Amount(0, 0)
    assert expense.minutes([20], 2, 0, None).most == pytest.approx(20 * 2 / 0.5 / 60)
    assert expense.minutes([25] * 8, 3, 0, None).most == pytest.approx(50 * 3 / 0.5 / 60)
    assert expense.minutes([25] * 4, 2, 0, 4).most == pytest.approx(25 * 2 * 120 / 60)
    assert expense.minutes([25] * 4, 2, 100, 4).most == pytest.approx(25 * 2 * 120 / 60 + 2 * 25 / 0.5 / 60)
    assert expense.minutes([25] * 4, 2, 0, None).likely < expense.minutes([25] * 4, 2, 0, None).most

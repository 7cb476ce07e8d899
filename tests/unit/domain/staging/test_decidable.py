"""A dataset is staged so that its run can end in a verdict, and nothing is done to it where that is not needed."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import pytest

from finetune.domain.catalog import base_model
from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.gates import Gates
from finetune.domain.evaluation.items import EvaluationItem
from finetune.domain.evaluation.verdict import decide
from finetune.domain.json_lines import from_jsonl
from finetune.domain.staging import decidable
from finetune.domain.staging.decidable import Decidable, Evidence, stage_decidable
from finetune.domain.staging.stage import Inputs, Sinks, Surveys, check_and_survey
from finetune.domain.validation.rules import rules_for
from tests.sizes import sized
from tests.staging import CANVAS, NOVA, item, record, records

RULES = rules_for(base_model(NOVA), "FINE_TUNING")


@dataclass
class Staged:
    """What was staged, with what was written of it."""

    found: Decidable
    training: bytes

    @property
    def items(self) -> tuple[EvaluationItem, ...]:
        return from_jsonl(self.found.evaluation, EvaluationItem)


def stage(
    lines: Sequence[bytes],
    *,
    items: Sequence[EvaluationItem] = (),
    learned: Sequence[bytes] = (),
    evaluation: float = 0.1,
    model: str = NOVA,
    **gates: float,
) -> Staged:
    rules = rules_for(base_model(model), "FINE_TUNING")
    inputs = Inputs(lambda: [b"\n".join(lines)], ".jsonl", evaluation_items=items)
    surveys = Surveys(BytesIO(), BytesIO())
    check_and_survey(inputs, rules, 7, surveys, only_accepted=False, lint=False)
    sinks = Sinks(BytesIO(), BytesIO(), BytesIO())
    asked = Evidence(0.1, evaluation, 7, Gates.model_validate(gates))
    found = stage_decidable(inputs, rules, lambda: rewound(surveys), sinks, asked, learned=lambda: [list(learned)])
    return Staged(found, sinks.training.getvalue())  # type: ignore[attr-defined]  # BytesIO here


def rewound(surveys: Surveys) -> Surveys:
    surveys.dataset.seek(0)
    surveys.validation.seek(0)
    return surveys


def promotable(items: Sequence[EvaluationItem]) -> bool:
    """Whether the verdict over these items promotes a model that is always right, against one that is wrong."""
    right = {one.id: Answer(id=one.id, text=one.reference or "", stop_reason="end_turn") for one in items}
    wrong = {one.id: Answer(id=one.id, text="?", stop_reason="end_turn") for one in items}
    return decide(items, {"base": wrong, "candidate": right}, gates=Gates(), seed=7).decision == "promote"


# Short messages as people write them to a bank, each made from a few turns of phrase of one intent, so that some nearly
# repeat others: of 80 random sets of such messages a fifth could not be judged, and were trained.
_BEGINNINGS = ("", "hi ", "hello, ", "please help, ", "can you tell me ", "i would like to know ", "urgent: ")
_ENDINGS = ("", " please", " today", " as soon as possible", " if you can", " thanks", " in the app", " for my account")
_INTENTS = {
    "card_arrival": ("when will my new card {} arrive", "my card {} has not come yet", "how do i track the card {}"),
    "lost_card": ("i lost my card {}", "someone took my card {}", "my wallet with the card {} is gone"),
    "exchange_rate": ("what rate do i get for {}", "is the exchange rate of {} right", "why is the rate for {} so low"),
    "top_up": ("my top up {} failed", "the top up {} is still pending", "can i cancel the top up {}"),
    "transfer": ("my transfer {} was declined", "the transfer {} is late", "who can see the transfer {}"),
    "fee": ("why was i charged a fee {}", "what does it cost to pay {}", "there is a strange fee {}"),
}
_MIDDLES = (
    "from last week", "that i ordered online", "to france", "in euros", "with apple pay", "at the airport",
    "from my employer", "on saturday", "for the hotel", "by post", "abroad", "to a friend", "in cash", "twice",
    "by bank transfer", "after midnight", "in dollars", "for my son", "to the new account", "on my holiday",
)  # fmt: skip


def label_set(number: int) -> list[bytes]:
    """Between 120 and 200 different messages, with the intent as the answer."""
    chance = random.Random(number)  # noqa: S311 - the same sets in every process
    rows, wanted = dict[str, str](), chance.randint(120, 200)
    intents = chance.sample(sorted(_INTENTS), chance.randint(2, 6))
    while len(rows) < wanted:
        intent = chance.choice(intents)
        middle = chance.choice(_INTENTS[intent]).format(chance.choice(_MIDDLES))
        rows[chance.choice(_BEGINNINGS) + middle + chance.choice(_ENDINGS)] = intent
    return [record(text, intent) for text, intent in rows.items()]


@pytest.mark.parametrize("number", range(sized(16, 80)))
def test_no_small_label_set_is_trained_on_whose_verdict_is_known_before(number: int) -> None:
    made = stage(label_set(number))
    assert made.found.forecast.possible
    assert promotable(made.items)


def test_a_dataset_from_which_too_few_can_be_held_out_is_staged_as_always_and_says_what_a_verdict_takes() -> None:
    made = stage(records(40))
    assert made.found.forecast.obstacle == "4 evaluation items can be measured by token F1, and a verdict takes 20."
    assert made.found.prepared.training
    assert made.found.prepared.training.records == 32


def test_one_prompt_again_and_again_leaves_nothing_to_ask() -> None:
    made = stage([record("Give a stock number.", str(number)) for number in range(240)])
    assert made.found.forecast.obstacle == "there are no evaluation items, and a verdict takes 20."


def test_items_that_the_model_in_service_was_trained_on_are_replaced_by_spare_ones() -> None:
    lines = label_set(5)
    before = stage(lines)
    known = [record(one.messages[0].text, one.reference or "") for one in before.items[:3]]
    made = stage(lines, learned=known)
    assert {leak.trained for leak in made.found.refused} >= {"champion"}
    assert made.found.forecast.possible
    assert promotable(made.items)


def test_where_nothing_can_be_spared_what_asks_the_same_leaves_training_and_is_accounted_for_by_line() -> None:
    lines = label_set(6)[:100]
    made = stage(lines)
    prepared = made.found.prepared
    assert made.found.forecast.possible
    assert promotable(made.items)
    left_out = prepared.removed["overlaps-evaluation"]
    assert len(left_out) == prepared.accounting.leaked > 0
    assert "left out of training because an evaluation item asks nearly the same" in prepared.notes[-1]
    kept = made.training.decode()
    assert all(lines[line - 1].decode().split('"')[3] not in kept for line in left_out)


def test_an_own_evaluation_set_is_never_topped_up() -> None:
    own = [item(f"What is the height of mountain {number}?", number) for number in range(1, 20)]
    made = stage(records(300), items=own)
    assert made.found.forecast.obstacle == "19 evaluation items can be measured by token F1, and a verdict takes 20."
    assert stage(records(300), items=own, minimum_items=19).found.forecast.possible


def test_a_large_dataset_is_staged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decidable, "_MOST_RESTAGED", 100)
    lines = label_set(0)
    assert not stage(lines).found.forecast.possible
    monkeypatch.undo()
    assert stage(lines).found.forecast.possible


def test_what_does_not_answer_with_text_has_no_verdict() -> None:
    lines = [json.dumps({"image-ref": f"s3://b/{n}.png", "caption": f"a picture of {n}"}).encode() for n in range(300)]
    made = stage(lines, model=CANVAS)
    assert made.found.forecast.obstacle
    assert "does not answer with text" in made.found.forecast.obstacle


def test_an_evaluation_set_alone_is_staged_without_what_the_model_in_service_was_trained_on() -> None:
    asked = Evidence(0.1, 0.1, 7, Gates(minimum_items=5))
    given = tuple(item(f"question number {number}", number) for number in range(30))
    learned = stage(records(10)).training.splitlines(keepends=True)
    found = decidable.items_alone(given, [learned], RULES, asked, "It was trained elsewhere.")
    left = from_jsonl(found.evaluation, EvaluationItem)
    assert (found.prepared.training, found.prepared.accounting.total) == (None, 0)
    assert {leak.trained for leak in found.refused} == {"champion"}
    assert len(left) == 30 - len(found.refused)
    assert found.prepared.evaluation
    assert found.prepared.evaluation.records == len(left)
    assert found.forecast.possible
    assert found.prepared.notes == ("It was trained elsewhere.",)
    assert not decidable.items_alone((), [], RULES, asked, "").forecast.possible

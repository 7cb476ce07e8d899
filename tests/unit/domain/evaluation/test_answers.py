"""An answer: how its stop reason counts, and how it comes back from a file."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.model import StringShape

from finetune.domain.evaluation.answers import OUTCOMES, Answer, is_empty
from finetune.domain.json_lines import from_jsonl, to_jsonl


def test_every_stop_reason_of_converse_has_an_outcome() -> None:
    service = botocore.session.get_session().get_service_model("bedrock-runtime")
    stop_reason = service.shape_for("StopReason")
    assert isinstance(stop_reason, StringShape)
    assert set(OUTCOMES) == set(stop_reason.enum)


@pytest.mark.parametrize(
    "answer", [Answer(id="a", error="ThrottlingException"), Answer(id="a", stop_reason="new_in_2030"), Answer(id="a")]
)
def test_an_answer_nobody_can_interpret_is_missing(answer: Answer) -> None:
    assert answer.outcome == "missing"


def test_answers_come_back_from_json_lines_as_they_were() -> None:
    given = (
        Answer(id="1", text='quo"te\u2028\n', stop_reason="end_turn", latency_ms=3),
        Answer(id="2", error="ModelTimeoutException"),
    )
    assert from_jsonl(to_jsonl(given), Answer) == given


def test_half_a_character_from_the_service_is_replaced_and_never_fails_later() -> None:
    given = Answer(id="1", text="broken \ud83d emoji", stop_reason="end_turn")
    assert given.text == "broken \ufffd emoji"
    assert from_jsonl(to_jsonl([given]), Answer) == (given,)


@pytest.mark.parametrize(
    ("text", "empty"), [("", True), (" \n", True), ("\u200b\u200b", True), ("\x00", True), (".", False), ("好", False)]
)
def test_an_answer_without_a_readable_character_is_empty(text: str, empty: bool) -> None:
    assert is_empty(text) is empty


@pytest.mark.parametrize("blank", [*"\u3164\u2800\u115f\u1160\uffa0\u034f\u0301\u00ad\xa0\ufe0f\U000e0041"])
def test_an_answer_of_characters_that_show_nothing_is_empty(blank: str) -> None:
    assert is_empty(f"{blank} {blank}\n")
    assert not is_empty(f"{blank}a")


@pytest.mark.parametrize("stop_reason", ["end_turn", "stop_sequence", "max_tokens"])
def test_an_answer_without_text_is_empty_however_it_ended(stop_reason: str) -> None:
    assert Answer(id="a", text=" \n", stop_reason=stop_reason).outcome == "empty"

"""`finetune ask` puts a question to a model, says what that costs, and spends nothing that was not agreed to."""

from __future__ import annotations

import io
import sys

import pytest
from botocore.exceptions import ClientError

from tests.command import answered, finetune
from tests.past import Runs
from tests.unit.finetune_cli.serving import serving

LITTLE = {"input_per_1k_tokens": 0.001, "output_per_1k_tokens": 0.001}


class Typed(io.StringIO):
    """A person at a terminal."""

    def isatty(self) -> bool:
        return True


def test_an_answer_is_printed_and_its_price_beside_it(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runtime, published = serving(past, prices=LITTLE)
    assert finetune("ask", "shop", "How long?", "--system", "Be brief.") == 0
    out, err = capsys.readouterr()
    assert out == "HOW LONG?\n"
    assert "Asking is billed: at most $0.0011 for this question." in err
    assert "10 tokens in, 5 out, 0.4 s, $0.000015" in err
    [asked] = runtime.asked
    assert (asked["modelId"], asked["system"]) == (published.endpoint_arn, [{"text": "Be brief."}])


def test_base_and_custom_model_answer_one_after_the_other(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runtime, _ = serving(past, prices=LITTLE)
    assert finetune("ask", "shop", "Hello", "--compare", "--json") == 0
    assert [each["who"] for each in answered(capsys)["answers"]] == ["base model", "custom model"]
    assert len(runtime.asked) == 2


def test_what_may_cost_more_than_little_is_asked_first(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runtime, _ = serving(past)
    assert finetune("ask", "shop", "Hello") == 1
    assert "nothing was asked" in capsys.readouterr().err
    assert not runtime.asked
    assert finetune("ask", "shop", "Hello", "--yes") == 0
    assert len(runtime.asked) == 1


def test_a_conversation_is_sent_whole_each_time(past: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, _ = serving(past, prices=LITTLE)
    monkeypatch.setattr(sys, "stdin", Typed("one\ntwo\n\n"))
    assert finetune("ask", "shop") == 0
    texts = [[turn["content"][0]["text"] for turn in asked["messages"]] for asked in runtime.asked]
    assert texts == [["one"], ["one", "ONE", "two"]]


def test_standard_input_that_is_no_terminal_is_one_question(past: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, _ = serving(past, prices=LITTLE)
    monkeypatch.setattr(sys, "stdin", io.StringIO("two\nlines\n"))
    assert finetune("ask", "shop") == 0
    assert runtime.asked[0]["messages"][0]["content"][0]["text"] == "two\nlines"


def test_without_a_question_the_command_says_how_to_give_one(
    past: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    serving(past)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert finetune("ask", "shop") == 2
    assert "Nothing was asked: give a question" in capsys.readouterr().err


def test_an_error_of_the_model_is_told_by_its_code(past: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runtime, _ = serving(past, prices=LITTLE)
    runtime.errors = [ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "Converse")]
    assert finetune("ask", "shop", "Hello") == 1
    assert "the custom model did not answer: ValidationException." in capsys.readouterr().err


def test_what_has_failed_counts_as_billed_before_more_is_asked(past: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, _ = serving(past, prices={"input_per_1k_tokens": 0.06, "output_per_1k_tokens": 0.06})
    runtime.errors = [ClientError({"Error": {"Code": "InternalServerException", "Message": "no"}}, "Converse")]
    monkeypatch.setattr(sys, "stdin", Typed("one\ntwo\nno\n"))
    assert finetune("ask", "shop") == 1
    assert len(runtime.asked) == 1

"""What is written as JSON Lines comes back as it was, in the bytes that each value would be alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.domain.evaluation.answers import Answer
from finetune.domain.evaluation.items import EvaluationItem, Turn
from finetune.domain.json_lines import from_jsonl, to_jsonl
from finetune.frozen import Frozen


class Measured(Frozen):
    share: float
    note: str | None = None


ANSWERS = st.builds(
    Answer,
    id=st.text(min_size=1),
    text=st.text(),
    stop_reason=st.none() | st.text(),
    latency_ms=st.integers(0, 1 << 40),
)


@given(st.lists(ANSWERS | st.builds(Measured, share=st.floats(allow_nan=False, allow_infinity=False))))
def test_each_value_is_a_line_in_order_without_what_is_none(values: list[Answer | Measured]) -> None:
    alone = [value.model_dump_json(exclude_none=True).encode() + b"\n" for value in values]
    assert to_jsonl(values) == b"".join(alone)


@given(st.lists(ANSWERS))
def test_what_was_written_comes_back(values: list[Answer]) -> None:
    assert from_jsonl(to_jsonl(values), Answer) == tuple(values)


def test_items_with_their_turns_come_back() -> None:
    asked = EvaluationItem(id="a", line=3, messages=(Turn(role="user", text="\u2028?\r\n"),), expected_keywords=("x",))
    assert from_jsonl(to_jsonl([asked]), EvaluationItem) == (asked,)


def test_blank_lines_are_nobody_s_value() -> None:
    assert from_jsonl(b'\n{"id": "a"}\n\n', Answer) == (Answer(id="a"),)
    assert from_jsonl(b"", Answer) == ()


@pytest.mark.parametrize("line", [b'{"id": "b", "colour": "red"}', b"{", b'{"id": "\xff"}', b"null"])
def test_a_line_that_is_none_is_named_by_its_number(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"\(line 2\)$"):
        from_jsonl(b'{"id": "a"}\n' + line, Answer)

"""The text of a mail: what SNS takes, whatever is put in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune import letter


def test_a_subject_spells_names_with_the_letters_that_it_may_have() -> None:
    assert letter.mail("Dataset rejected: Füße & Café", []).subject == "Dataset rejected: Fusse & Cafe"


@given(st.text(max_size=400))
def test_a_subject_is_what_sns_takes(project: str) -> None:
    subject = letter.mail(f"Dataset rejected: {project}", []).subject
    assert subject.isascii()
    assert len(subject) < 100
    assert subject.isprintable()


def test_a_body_stays_under_eight_kibibytes_whatever_the_service_says() -> None:
    body = letter.mail("Run failed", [letter.lines("All:", ["ü" * 1_000] * 100)]).body
    assert len(body.encode()) <= letter.BODY_BYTES
    assert body.endswith("[cut; see the run's files]")


def test_a_paragraph_without_words_leaves_no_gap() -> None:
    assert letter.mail("", ["one", "", "two"]).body == "one\n\ntwo"


@pytest.mark.parametrize(("stack", "ending"), [("finetune", ""), ("other", " --stack other")])
def test_a_command_names_the_stack_unless_it_means_it_anyway(stack: str, ending: str) -> None:
    arn = f"arn:aws:states:us-east-1:123456789012:execution:{stack}:shop-1"
    assert letter.of_stack(stack) == letter.of_execution(arn) == ending
    assert letter.of_execution("arn:execution") == ""

"""What is written down has the number of its form, and is read back whatever release wrote it, or refused by name."""

from __future__ import annotations

import json

import pytest

from finetune.aws.written import SCHEMA, marked, read_back
from finetune.errors import FileUnreadable
from finetune.frozen import Frozen


class Inner(Frozen):
    name: str = "default"


class Outer(Frozen):
    inner: Inner
    more: tuple[Inner, ...] = ()


def test_what_is_marked_is_read_back_and_unknown_keys_are_passed_over_at_every_depth() -> None:
    told = {"inner": {"name": "a", "new": 1}, "more": [{"newer": [1]}], "newest": {}}
    found = read_back(Outer, json.dumps(marked(told)), "The file")
    assert found == Outer(inner=Inner(name="a"), more=(Inner(),))
    assert read_back(Outer, json.dumps(told), "The file") == found


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", r"\(the whole: Invalid JSON\)"),
        ("[]", r"\(the whole: "),
        ("{}", r"\(inner: Field required\)"),
        ('{"inner": {"name": 1}}', r"\(inner\.name: Input should be a valid string\)"),
        (json.dumps({"schema": SCHEMA + 1, "inner": {}}), rf"has the form {SCHEMA + 1}, and this .* reads .* {SCHEMA}"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_the_place_and_not_the_content(content: str, words: str) -> None:
    with pytest.raises(FileUnreadable, match=f"^The file .*{words}.*[.]$"):
        read_back(Outer, content, "The file")
